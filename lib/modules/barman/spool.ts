import { createHash } from 'node:crypto';
import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import {
  listText,
  readSpool,
  removeSpool,
  type SpoolState,
  startSpool,
} from '../../recovery/barman/wal-spool.ts';
import { barmanLogin, dataOwner } from '../../recovery/postgres/params.ts';
import { parseSegmentSize } from '../../recovery/wal/segment.ts';
import { spoolList, spoolSchema } from '../../recovery/wal/spool-runs.ts';
import { ABSENT, pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath } from '../../system/fs/paths.ts';
import { quote } from '../../transport/quote.ts';

const params = z
  .strictObject({
    directory: absolutePath.describe('the spool, beside the data; only the user may enter it'),
    state: z
      .enum(['present', 'absent'])
      .default('present')
      .describe('absent: end what fills it, and remove it'),
    wal: spoolSchema.optional().describe('which segments, from where: `spool` of barman.wal; required'),
    limit: z
      .int()
      .min(0)
      .default(4 * 1024 ** 3)
      .describe('bytes that may wait in it; it is filled up again as PostgreSQL takes them. 0: nothing comes')
      .meta({ variable: 'wal_spool_bytes' }),
    ssh: barmanLogin,
    user: dataOwner,
  })
  .superRefine(({ state, wal }, context) => {
    if (state === 'present' && wal === undefined)
      context.addIssue({ code: 'custom', path: ['wal'], message: 'is required: `spool` of barman.wal' });
  });

type Params = z.output<typeof params>;

type State = SpoolState | Unknown;

interface SpoolChange extends Change {
  readonly directory: string;
  readonly user: string;
  readonly removes: boolean;
}

export const module = defineModule({
  summary: 'Lets the WAL of a recovery come to the node in one stream, while something else is done.',
  description: `The segments that barman.wal has proved are sent by Barman's host in the order of replay, unpacked, over one
login, and wait in a directory beside the data until PostgreSQL takes them (\`spool\` of postgres.recovery): one process
for each of them costs more than to replay them. The stream goes on by itself. Whatever comes of it, a recovery loses
nothing by it: restore_command takes from the spool only what has the size of a segment and names cluster, position and
timeline in its first page, and asks Barman for everything else.`,
  examples: `- barman.spool: { directory: "{{ pgdata }}.pitr-wal", wal: "{{ wal.spool }}" }
- barman.spool: { directory: "{{ pgdata }}.pitr-wal", state: absent }`,
  params,
  returns: { directory: 'the spool; absent where nothing comes to it', segments: 'how many come to it' },
  read: async (host, p: Params, context): Promise<State> => {
    const { directory, user } = p;
    const foreseen = await host.look(pathResource, directory);
    if (foreseen instanceof Unknown) return foreseen;
    const seen = await readSpool(host, directory, user);
    if (p.state === 'absent' && seen.kind === 'other' && foreseen.kind !== 'absent')
      context.warn(notOurs(directory));
    // What an earlier task would have made or removed in check mode is not to be seen by a live look.
    if (foreseen.kind === 'absent') return { kind: 'absent', filling: false, whole: false };
    return seen.kind === 'absent' ? { kind: 'spool', filling: true, whole: false } : seen;
  },
  plan: (state, p): SpoolChange | undefined => {
    const there = state instanceof Unknown ? undefined : state;
    const { directory, user } = p;
    // What is somebody else's was never made use of, so nothing of it is to go.
    if (p.state === 'absent') {
      if (there?.kind === 'absent' || there?.kind === 'other') return undefined;
      return { summary: `remove the WAL that waits in ${directory}`, directory, user, removes: true };
    }
    const list = listOf(p);
    if (list.length === 0) return undefined;
    if (there?.kind === 'other') throw inUse(directory);
    const same = there?.list === createHash('sha256').update(listText(list)).digest('hex');
    if (same && (there.filling || there.whole)) return undefined;
    const words = list.length === 1 ? 'a WAL segment' : `${list.length} WAL segments`;
    return { summary: `let ${words} come to ${directory}`, directory, user, removes: false };
  },
  unchanged: (_state, p) => {
    const segments = listOf(p).length;
    if (p.state === 'absent') return {};
    return segments === 0 ? { segments } : { directory: p.directory, segments };
  },
  effects: ({ directory, removes }) => [
    {
      kind: pathResource.kind,
      id: directory,
      state: removes ? 'gone' : 'WAL that waits for its replay',
      lasts: 'for good',
    },
  ],
  predict: ({ directory, user, removes }, _state, p) => ({
    resources: [
      removes
        ? predicted(pathResource, directory, ABSENT, 'absent')
        : predicted(
            pathResource,
            directory,
            { kind: 'directory', mode: 0o700, owner: user, group: user, size: 4096, mtime: 0 },
            'unknown',
          ),
    ],
    result: removes ? {} : { directory, segments: listOf(p).length },
  }),
  apply: async (host, { directory, user, removes }, p) => {
    if (removes) {
      await removeSpool(host, directory, user);
      return {};
    }
    const { segment_size: segmentSize = 0 } = p.wal ?? {};
    const list = listOf(p);
    const most = Math.max(2, Math.floor(p.limit / segmentSize));
    await startSpool(host, { directory, user, ssh: p.ssh, segmentSize, most, list });
    return { directory, segments: list.length };
  },
  undo: async (host, { directory, user, removes }, context) => {
    // What was removed lies in the archive.
    if (removes) return;
    try {
      await removeSpool(host, directory, user);
    } catch (thrown) {
      if (!(thrown instanceof PitrError && thrown.code === 'spool-not-removed')) throw thrown;
      // Whatever is taken back after it does without.
      context.warn(thrown.kind === 'refused' ? notOurs(directory) : leftThere(directory, host.name));
    }
  },
  undoShown: ({ directory, removes }) => (removes ? [] : [`removes ${directory}`]),
});

function listOf({ wal, limit }: Params): readonly string[] {
  const size = parseSegmentSize(wal?.segment_size ?? 0);
  return limit === 0 || wal === undefined || size === undefined ? [] : spoolList(wal.runs, size);
}

function notOurs(directory: string): string {
  return `${directory} is no spool of pitr's, and stays as it is`;
}

/** As the playbooks say it where they remove it. */
function leftThere(directory: string, host: string): string {
  return `${directory} on ${host} could not be removed. Nothing needs it any more: remove it by hand.`;
}

function inUse(directory: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'spool-place-in-use',
    message: `${directory} is there already, and is no spool of pitr's`,
    next: [
      `ls -la ${quote(directory)}`,
      'Name another place: -e wal_spool=... (beside the data), or -e wal_spool_bytes=0 to do without.',
    ],
  });
}
