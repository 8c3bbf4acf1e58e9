import { z } from 'zod';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost } from '../../contract/host.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { probe } from '../../contract/probe.ts';
import { predicted } from '../../contract/resource.ts';
import { isComplete } from '../../recovery/barman/backup-info.ts';
import { backupResult, backupReturns } from '../../recovery/barman/backup-result.ts';
import { barmanResource, readCatalogue } from '../../recovery/barman/catalogue.ts';
import { backupFailed, backupOfStandby, refuseIdle } from '../../recovery/barman/errors.ts';
import { inRecovery } from '../../recovery/barman/json.ts';
import { deletedWords, readOneMore } from '../../recovery/barman/one-more.ts';
import { serversParam, userParam } from '../../recovery/barman/params.ts';
import { watchSize } from '../../recovery/barman/watch-size.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  server: z
    .string()
    .describe(
      "the Barman server of the leader: a replica's server cannot be backed up when only the leader archives",
    ),
  standby: z
    .boolean()
    .default(false)
    .describe('allows a backup of a standby, which needs archive_mode=always there'),
  wait_timeout: z
    .int()
    .min(1)
    .default(300)
    .describe('seconds to wait, after the copy, for the WAL that makes it consistent'),
  servers: serversParam.describe(
    'the Barman servers of its cluster, whose backups may need what is deleted with it; found by its system id when left out',
  ),
  user: userParam,
});

interface BackupChange extends Change {
  readonly server: string;
  /** Whom Barman runs as on its host. */
  readonly user: string;
  /** The backups that were there before. */
  readonly known: readonly string[];
  /** What Barman will delete with it, in words. */
  readonly deletes: string;
}

export const module = defineModule({
  summary: 'Takes a base backup and waits until it is DONE.',
  description: `Proves the outcome from Barman's catalogue: a new backup, DONE, with its WAL archived. Undo keeps the
backup: one too many harms nobody, while "barman delete" can take along WAL that other recoveries need. The first
backup of a server deletes all older WAL in its archive, also what older backups of other servers need since the leader
changed: that is Barman's way, cannot be taken back either, and is said before it happens.`,
  examples: `- barman.create_backup: { server: "{{ barman_server }}" }
  delegate_to: "{{ barman_host }}"
  register: fresh`,
  params,
  freeForm: 'server',
  returns: backupReturns,
  read: async (host, { server, servers: names, user }) => {
    const more = await readOneMore(host, server, { names, user });
    refuseIdle(more.server, host.name);
    return { known: more.known, deletes: deletedWords(more) };
  },
  plan: ({ known, deletes }, { server, user }): BackupChange => ({
    summary: `take a base backup of ${server}${deletes === '' ? '' : `. ${deletes}`}`,
    server,
    user,
    known,
    deletes,
  }),
  predict: ({ server }, _state, { user }) => ({
    resources: [predicted(barmanResource, user, new Unknown(`a backup of ${server} would have been taken`))],
    result: { server },
  }),
  apply: async (host, { server, known, deletes }, { standby, wait_timeout, user }, context) => {
    if (!standby) await refuseStandby(host, server, user);
    if (deletes !== '') context.warn(deletes);
    const before = (await readCatalogue(host, user)).servers.find(({ name }) => name === server);
    const watch = watchSize(host, before?.basebackups ?? '', user, (bytes, grown) =>
      context.progress(`backing up ${server}: ${grown} copied`, { bytes }),
    );
    const result = await host
      .run(['barman', 'backup', '--wait', '--wait-timeout', String(wait_timeout), server], {
        user,
        ownChannel: true,
        signal: context.signal,
        onOutput: (stream, chunk) => context.output(stream, Buffer.from(chunk).toString()),
      })
      .finally(watch.stop);
    const after = (await readCatalogue(host, user)).servers.find(({ name }) => name === server);
    const made = after?.backups.filter(({ id }) => !known.includes(id)) ?? [];
    const [fresh] = made;
    if (result.exitCode !== 0 || fresh === undefined || !isComplete(fresh))
      throw backupFailed(server, fresh, host.name, evidenceOf(result));
    const failed = after?.backups.filter(({ status }) => status === 'FAILED') ?? [];
    if (failed.length > 0) context.warn(keptFailed(server, failed));
    return backupResult(fresh);
  },
  orphans: 'end',
  undo: async (_host, { server }, context) => {
    context.warn(`The new backup of ${server} is kept; if it is not wanted: barman delete ${server} <id>`);
  },
});

/** A backup that broke off, of this run before it was resumed or of somebody else, stays until somebody deletes it. */
function keptFailed(server: string, failed: readonly { readonly id: string }[]): string {
  const deletes = failed.map(({ id }) => `barman delete ${server} ${id}`);
  return `barman check ${server} complains as long as failed backups are there: ${deletes.join(' && ')}`;
}

/**
 * Barman begins to back up a standby whose server ever archived anything, and then waits for WAL that never comes. Asked
 * right before, and not while planning: in check mode an earlier task may be what will make it the leader.
 */
async function refuseStandby(host: ReadHost, server: string, user: string): Promise<void> {
  const shown = await host.query(probe(['barman', '-f', 'json', 'show-server', server], { user }));
  if (inRecovery(shown.stdout, server) === true) throw backupOfStandby(server, host.name);
}
