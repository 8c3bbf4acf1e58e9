import { z } from 'zod';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { type Change, defineModule, type WorkContext } from '../../contract/module.ts';
import type { BackupInfo } from '../../recovery/barman/backup-info.ts';
import type { BarmanServer } from '../../recovery/barman/backups-on-disk.ts';
import { readCatalogue } from '../../recovery/barman/catalogue.ts';
import { backupById } from '../../recovery/barman/choose-backup.ts';
import { namedServer } from '../../recovery/barman/counted-servers.ts';
import { backupToHold, type Hold, hold, letGo, readKeep } from '../../recovery/barman/keep.ts';
import { userParam } from '../../recovery/barman/params.ts';

const params = z.strictObject({
  backup: z.string().describe('the id of the backup'),
  server: z.string().describe('the Barman server that holds it'),
  state: z.enum(['present', 'absent']).default('present').describe('absent: lets go of it again'),
  run: z
    .string()
    .regex(/^[0-9A-Za-z-]{1,40}$/)
    .optional()
    .describe('the run that it is held for; this one when left out'),
  user: userParam,
});

type Params = z.output<typeof params>;

interface State {
  readonly hold: Hold;
  /** The runs that hold it. */
  readonly runs: readonly string[];
  /** How it is kept, where that counts. */
  readonly target?: string;
}

interface KeepChange extends Change {
  readonly hold: Hold;
  readonly wanted: Params['state'];
  /** Whom Barman runs as. */
  readonly user: string;
}

export const module = defineModule({
  summary:
    'Holds a backup, and all WAL after it, against retention policies for as long as a recovery is open.',
  description: `\`barman keep --target full\`: with \`standalone\` Barman keeps only the WAL that makes the backup itself consistent, and a
recovery needs all of it up to its moment. The run is noted beside Barman's own note (annotations/pitr.<run>): several
recoveries can hold one backup, and the last one to let go of it puts back what was there before. A backup that somebody
else keeps in full is left as it is. Of a block-level incremental backup the whole one is held that it rests on. Undo and \`pitr commit\` let go of it.
To let go asks for nothing: of a backup that Barman has no more there is nothing to let go, which is warned of.`,
  examples: `- barman.keep: { server: "{{ base.server }}", backup: "{{ base.id }}" }
  delegate_to: "{{ barman_host }}"`,
  params,
  returns: {
    held: 'whether this run holds it',
    before:
      'how it was kept before anybody held it here: nokeep or standalone; absent where that is not known',
  },
  read: (host: ReadHost, p: Params, context): Promise<State | undefined> =>
    p.state === 'present'
      ? readToHold(host, p, p.run ?? context.runId)
      : readToLetGo(host, p, p.run ?? context.runId, context),
  plan: (found, { state, user }): KeepChange | undefined => {
    if (found === undefined) return undefined;
    const { hold: place, runs, target } = found;
    const ours = runs.includes(place.run);
    if (state === 'absent' ? !ours : ours && target === 'full') return undefined;
    // Somebody else keeps it, and in full.
    if (state === 'present' && target === 'full' && runs.length === 0) return undefined;
    return {
      summary: `${state === 'present' ? 'hold' : 'let go of'} backup ${place.backup} of ${place.server}${state === 'present' ? ' and all WAL after it' : ''} (barman keep)`,
      hold: place,
      wanted: state,
      user,
    };
  },
  effects: ({ hold: { server, backup }, wanted }) =>
    wanted === 'present'
      ? [{ kind: 'backup', id: `${server} ${backup}`, state: 'held', lasts: 'until commit' }]
      : [],
  unchanged: (found) => ({ held: found?.runs.includes(found.hold.run) ?? false }),
  predict: ({ wanted }) => ({ result: { held: wanted === 'present' } }),
  apply: async (host, { hold: place, wanted, user }, _params, context) => {
    const before = await (wanted === 'present' ? hold(host, place, user) : end(host, place, user, context));
    return { held: wanted === 'present', ...(before === undefined ? {} : { before }) };
  },
  undo: async (host, { hold: place, wanted, user }, context) => {
    await (wanted === 'present' ? end(host, place, user, context) : hold(host, place, user));
  },
});

async function readToHold(host: ReadHost, p: Params, run: string): Promise<State> {
  const server = namedServer((await readCatalogue(host, p.user)).servers, p.server, host.name);
  const wanted = backupToHold(backupById(p.backup, [server], host.name), server.backups);
  const place = placeOf(server, wanted, run);
  return { hold: place, ...(await readKeep(host, place, p.user)) };
}

/** Nothing where Barman has no such backup any more. */
async function readToLetGo(
  host: ReadHost,
  p: Params,
  run: string,
  context: WorkContext,
): Promise<State | undefined> {
  const { servers } = await readCatalogue(host, p.user);
  const server = servers.find(({ name }) => name === p.server);
  if (server?.unread !== undefined) throw server.unread;
  const named = server?.backups.find(({ id }) => id === p.backup);
  const meant = named === undefined ? undefined : backupToHold(named, server?.backups ?? []);
  // Where a difference is gone, the whole one that it rested on is held still.
  const held = [...(meant === undefined ? [] : [meant]), ...(server?.backups ?? [])].find(({ heldFor }) =>
    heldFor?.includes(run),
  );
  const backup = held ?? meant;
  if (server !== undefined && backup !== undefined)
    return { hold: placeOf(server, backup, run), runs: backup.heldFor ?? [] };
  context.warn(goneWords(p, server, run));
  return undefined;
}

function placeOf(server: BarmanServer, { id }: BackupInfo, run: string): Hold {
  return {
    server: server.name,
    backup: id,
    directory: `${server.basebackups}/${id}/annotations`,
    run,
  };
}

/** Lets go of it. Where that fails because Barman has no such backup any more, there is nothing to let go of. */
async function end(
  host: WriteHost,
  place: Hold,
  user: string,
  context: WorkContext,
): Promise<string | undefined> {
  try {
    return await letGo(host, place, user);
  } catch (thrown) {
    const { servers } = await readCatalogue(host, user);
    const server = servers.find(({ name }) => name === place.server);
    if (server?.unread !== undefined || server?.backups.some(({ id }) => id === place.backup)) throw thrown;
    context.warn(`${goneWords(place, server, place.run)} What is left of it lies in ${place.directory}.`);
    return undefined;
  }
}

function goneWords(
  { server, backup }: Pick<Hold, 'server' | 'backup'>,
  known: BarmanServer | undefined,
  run: string,
): string {
  const gone =
    known === undefined
      ? `Barman has no server ${server} any more`
      : `Barman has no backup ${backup} of ${server} any more`;
  return `${gone}: there is nothing to let go of for run ${run} (backup ${backup}).`;
}
