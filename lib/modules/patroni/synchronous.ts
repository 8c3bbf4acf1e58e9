import { z } from 'zod';
import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { WriteHost } from '../../contract/host.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { patroniResource } from '../../recovery/patroni/cluster-resource.ts';
import { clusterName, type PatroniTarget } from '../../recovery/patroni/control.ts';
import {
  askForMode,
  readConfig,
  setSynchronousMode,
  synchronousSetting,
} from '../../recovery/patroni/dynamic-config.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import { provedStandbys, type SynchronousMode, synchronousMode } from '../../recovery/patroni/synchronous.ts';
import { seconds } from '../../recovery/postgres/params.ts';
import { quote } from '../../transport/quote.ts';

const params = z.strictObject({
  mode: z
    .union([z.string().min(1), z.boolean()])
    .optional()
    .describe('synchronous_mode as it must be at the end; as it is by default'),
  timeout: seconds.default(60).describe('seconds until the leader must know of each of the two settings'),
  ...patroniParams,
});

type Params = z.output<typeof params>;

interface SynchronousChange extends Change, PatroniTarget {
  readonly cluster: string;
  readonly mode: SynchronousMode;
  readonly timeoutMs: number;
}

export const module = defineModule({
  summary: 'Lets a leader that was not promoted by Patroni choose synchronous standbys.',
  description:
    'Runs on the leader, before clients get in. Patroni notes in the DCS (/sync) which leader the synchronous standbys ' +
    'belong to, and renews that only when it promotes. A leader that it has taken over as a running primary finds the ' +
    'name of the old one there, says "Synchronous replication key updated by someone else" at each turn, and never ' +
    'has a synchronous standby: nobody but the old leader could take over from it. Turning synchronous_mode off and ' +
    'on again, which is all that Patroni offers, makes it forget. Does nothing where the mode is off, or the leader ' +
    'waits for a member that is up and that the DCS names: a name alone may be that of before.',
  examples: `- patroni.synchronous:
    mode: "{{ default settings.config.synchronous_mode omit }}"`,
  params,
  returns: { mode: 'synchronous_mode as it is now; off where it is not on' },
  read: async (host, p: Params) => {
    const cluster = await host.look(patroniResource(p), p.cluster ?? '');
    const known = cluster instanceof Unknown ? undefined : cluster;
    // Where the caller knows it, Patroni need not run here yet: in check mode it does not.
    const mode = p.mode ?? (await readConfig(host, p)).synchronous_mode;
    return {
      mode: synchronousMode({ synchronous_mode: mode }),
      standbys: known === undefined ? [] : provedStandbys(known),
      name: known === undefined ? (p.cluster ?? '') : clusterName(known, p, host.name),
    };
  },
  plan: ({ mode, standbys, name }, p): SynchronousChange | undefined =>
    mode === undefined || standbys.length > 0
      ? undefined
      : {
          summary: 'turn synchronous_mode off and on again, so that the new leader chooses its standbys',
          cluster: name,
          mode,
          port: p.port,
          ...(p.url === undefined ? {} : { url: p.url }),
          config: p.config,
          timeoutMs: p.timeout * 1000,
        },
  unchanged: ({ mode }) => ({ mode: mode ?? 'off' }),
  predict: ({ mode }) => ({ result: { mode } }),
  apply: async (host, change, _p, { signal, runId }) => {
    try {
      await setSynchronousMode(host, change, false, change.timeoutMs, signal);
      await setSynchronousMode(host, change, change.mode, change.timeoutMs, signal);
    } catch (thrown) {
      throw await turnedOnAgain(host, change, asPitrError(thrown), runId);
    }
    return { mode: change.mode };
  },
  // Broken off in the middle it must not stay off.
  undo: (host, change, { signal }) => setSynchronousMode(host, change, change.mode, change.timeoutMs, signal),
});

const ON_AGAIN_MS = 30_000;

/** A change that failed leaves the mode on where that can be done, and says how it is. */
async function turnedOnAgain(
  host: WriteHost,
  change: SynchronousChange,
  failed: PitrError,
  runId: string,
): Promise<PitrError> {
  // Not under the task's signal: it may have been interrupted. What this fails with adds nothing to why it failed.
  const asked = await askForMode(
    host,
    change,
    change.mode,
    ON_AGAIN_MS,
    AbortSignal.timeout(ON_AGAIN_MS),
  ).catch(() => undefined);
  const on = asked?.exitCode === 0;
  const byHand = `patronictl -c ${quote(change.config)} edit-config ${quote(change.cluster)} -s '${synchronousSetting(change.mode)}'`;
  return new PitrError({
    ...failed.toJSON(),
    message: failed.message,
    cause: failed,
    result: failed.result,
    host: host.name,
    state: on
      ? `synchronous_mode is ${change.mode} in the DCS, as before; the new leader may have no synchronous standby yet.`
      : `synchronous_mode may be off now in the cluster: it was ${change.mode}.`,
    next: [
      ...failed.next,
      `Then go on; that turns it off and on again: pitr resume ${runId}`,
      ...(on ? [] : [`Or set it as it was, on ${host.name}: ${byHand}`]),
    ],
  });
}
