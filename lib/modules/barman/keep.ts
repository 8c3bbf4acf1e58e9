import { z } from 'zod';
import type { ReadHost } from '../../contract/host.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { readCatalogue } from '../../recovery/barman/catalogue.ts';
import { backupById } from '../../recovery/barman/choose-backup.ts';
import { namedServer } from '../../recovery/barman/counted-servers.ts';
import {
  backupToHold,
  type Hold,
  hold,
  type KeepState,
  letGo,
  readKeep,
} from '../../recovery/barman/keep.ts';
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
  readonly keep: KeepState;
  readonly hold: Hold;
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
else keeps in full is left as it is. Of a block-level incremental backup the whole one is held that it rests on. Undo and \`pitr commit\` let go of it.`,
  examples: `- barman.keep: { server: "{{ base.server }}", backup: "{{ base.id }}" }
  delegate_to: "{{ barman_host }}"`,
  params,
  returns: {
    held: 'whether this run holds it',
    before:
      'how it was kept before anybody held it here: nokeep or standalone; absent where that is not known',
  },
  read: async (host: ReadHost, p: Params, context): Promise<State> => {
    const server = namedServer((await readCatalogue(host, p.user)).servers, p.server, host.name);
    const wanted = backupById(p.backup, [server], host.name);
    const { server: name, id: backup } = backupToHold(wanted, server.backups);
    const place: Hold = {
      server: name,
      backup,
      directory: `${server.basebackups}/${backup}/annotations`,
      run: p.run ?? context.runId,
    };
    return { hold: place, keep: await readKeep(host, place, p.user) };
  },
  plan: ({ keep, hold: place }, { state, user }): KeepChange | undefined => {
    const ours = keep.runs.includes(place.run);
    if (state === 'absent' ? !ours : ours && keep.target === 'full') return undefined;
    // Somebody else keeps it, and in full.
    if (state === 'present' && keep.target === 'full' && keep.runs.length === 0) return undefined;
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
  unchanged: ({ keep, hold: place }) => ({ held: keep.runs.includes(place.run) }),
  predict: ({ wanted }) => ({ result: { held: wanted === 'present' } }),
  apply: async (host, { hold: place, wanted, user }) => {
    const before = await (wanted === 'present' ? hold : letGo)(host, place, user);
    return { held: wanted === 'present', before };
  },
  undo: async (host, { hold: place, wanted, user }) => {
    await (wanted === 'present' ? letGo : hold)(host, place, user);
  },
});
