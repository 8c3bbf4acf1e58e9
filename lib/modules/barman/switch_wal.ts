import { z } from 'zod';
import { Unknown } from '../../base/values/unknown.ts';
import type { WriteHost } from '../../contract/host.ts';
import { type Change, defineModule, type WorkContext } from '../../contract/module.ts';
import { probe } from '../../contract/probe.ts';
import { predicted } from '../../contract/resource.ts';
import { barmanResource, readCatalogue } from '../../recovery/barman/catalogue.ts';
import { namedServer } from '../../recovery/barman/counted-servers.ts';
import {
  barmanCommandFailed,
  refuseIdle,
  walNotArchived,
  walNotSwitched,
} from '../../recovery/barman/errors.ts';
import { userParam } from '../../recovery/barman/params.ts';
import { proveArchivedSegment } from '../../recovery/barman/prove-archived.ts';
import { parseSegment, type WalSegment } from '../../recovery/wal/segment.ts';
import { failingParams, failingWith } from '../../system/core/failing-words.ts';
import { absolutePath } from '../../system/fs/paths.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  server: z.string().describe("the Barman server of the leader; only the leader's WAL is archived"),
  node: z
    .string()
    .optional()
    .describe(
      'the inventory name of the leader: what is archived is then compared with its own pg_wal, byte for byte',
    ),
  pgdata: absolutePath.optional().describe('its data directory; must be given with `node`'),
  owner: z.string().default('postgres').describe('the OS user that owns it').meta({ variable: 'pg_user' }),
  timeout: z
    .int()
    .min(1)
    .default(60)
    .describe('seconds to wait for the segment to arrive')
    .meta({ variable: 'archiving_timeout' }),
  ...failingParams,
  user: userParam,
});

type Params = z.output<typeof params>;

interface SwitchChange extends Change {
  readonly server: string;
}

export const module = defineModule({
  summary: 'Closes the current WAL segment and proves that it is archived.',
  description: `The real test of archiving: what counts is what lies in the archive. A file of that name proves nothing: unpacked
it must have the size of a segment, and name in its first page the cluster, the position and the timeline; with \`node\` it
must be byte for byte what the node has written, and the segments before it too, as far as the node still has them.
Nothing of that timeline may lie behind it, or among what Barman has put aside (errors/). Barman itself ends with
success when nothing arrived in time, and when the server is a standby. Changes something at every run. There is nothing
to take back: a closed segment is as good as an open one, so undo leaves it.`,
  examples: `- barman.switch_wal: { server: "{{ barman_server }}" }
  delegate_to: "{{ barman_host }}"`,
  params,
  freeForm: 'server',
  returns: {
    server: 'the Barman server',
    wal: 'the segment that was archived',
    compared: 'how many segments were compared with those of the node',
    seconds: 'how long that took',
  },
  read: (host, p) =>
    failingWith(p, async () => {
      const { server, user } = p;
      const found = namedServer((await readCatalogue(host, user)).servers, server, host.name);
      refuseIdle(found, host.name);
      return { wals: found.wals };
    }),
  plan: (_state, { server }): SwitchChange => ({
    summary: `close the current WAL segment of ${server} and wait until it is archived`,
    server,
  }),
  predict: ({ server }, _state, { user }) => ({
    resources: [
      predicted(barmanResource, user, new Unknown(`a segment of ${server} would have been archived`)),
    ],
    result: { server },
  }),
  apply: (host, { server }, p, context) => failingWith(p, () => archiveSegment(host, server, p, context)),
  undo: async () => {
    // A closed segment harms nothing and cannot be opened again.
  },
});

type Archived = Readonly<{ server: string; wal: WalSegment; compared: number; seconds: number }>;

async function archiveSegment(
  host: WriteHost,
  server: string,
  p: Params,
  context: Pick<WorkContext, 'progress' | 'signal'>,
): Promise<Archived> {
  const { timeout, user } = p;
  const config = namedServer((await readCatalogue(host, user)).servers, server, host.name);
  context.progress(`waiting for the WAL segment of ${server} to be archived (at most ${timeout} s)`);
  const result = await host.run(
    ['barman', 'switch-wal', '--force', '--archive', '--archive-timeout', String(timeout), server],
    { user, ownChannel: true, timeoutMs: (timeout + 60) * 1000, signal: context.signal },
  );
  if (result.exitCode !== 0) throw barmanCommandFailed(host.name, result.exitCode, evidenceOf(result));
  const wal = parseSegment(/\b[0-9A-F]{24}\b/.exec(result.stdout)?.[0] ?? '');
  if (wal === undefined) throw walNotSwitched(server, host.name, evidenceOf(result));
  const there = await host.query(
    probe(['test', '-f', `${config.wals}/${wal.slice(0, 16)}/${wal}`], { user }),
  );
  if (there.exitCode !== 0) throw walNotArchived(wal, server, timeout, host.name, evidenceOf(result));
  const { node, pgdata, owner } = p;
  const writer = node === undefined || pgdata === undefined ? undefined : { node, pgdata, user: owner };
  context.progress(`proving that ${wal} in the archive is what was written`);
  const { compared } = await proveArchivedSegment(host, wal, config, user, writer);
  return { server, wal, compared, seconds: Math.round(result.durationMs / 100) / 10 };
}
