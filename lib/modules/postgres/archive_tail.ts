import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type Change, defineModule, type WorkContext } from '../../contract/module.ts';
import {
  proveArchived,
  readArchiveSettings,
  readArchivesOf,
  sendFiles,
} from '../../recovery/barman/archive-tail.ts';
import { barmanResource } from '../../recovery/barman/catalogue.ts';
import { heldBeginnings } from '../../recovery/barman/held-beginnings.ts';
import { serversParam, userParam } from '../../recovery/barman/params.ts';
import {
  type BarmanPlace,
  notTheSame,
  type OwnWal,
  otherBytes,
  type SentFile,
} from '../../recovery/barman/same-bytes.ts';
import { type ArchiveSettings, whyNoArchive } from '../../recovery/postgres/archive-command.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { readTail } from '../../recovery/postgres/look-tail.ts';
import { instanceParams, seconds, segmentName } from '../../recovery/postgres/params.ts';
import { programsOf } from '../../recovery/postgres/sql.ts';
import { parseSegment, type SegmentSize } from '../../recovery/wal/segment.ts';
import { filesFrom, filesToSend, type TailFile, wholeIn } from '../../recovery/wal/tail.ts';

const params = z.strictObject({
  ...instanceParams,
  leader_timeline: z
    .int()
    .min(0)
    .default(0)
    .describe('the timeline of the living leader, which archives it itself; 0 where nobody leads'),
  from: segmentName.optional().describe('the first segment that is needed; earlier ones stay where they are'),
  finished: z
    .boolean()
    .default(false)
    .describe(
      'whether the finished segments of a running primary count, too, which its archiver has sent, or lets wait for more than a minute: an archive_command may say yes and store nothing, or never end',
    ),
  beginnings: z
    .boolean()
    .default(true)
    .describe(
      'whether the segment that was still being written is sent too, as <name>.partial, and what is archived already compared',
    ),
  barman_host: z
    .string()
    .describe('inventory name of the Barman host, whose archives tell what is there')
    .meta({ variable: 'barman_host' }),
  barman_user: userParam,
  servers: serversParam.describe('the Barman servers of the cluster; found by its system id when left out'),
  timeout: seconds
    .default(300)
    .describe('seconds for each file, and for Barman to take them in')
    .meta({ variable: 'tail_timeout' }),
});

type Params = z.output<typeof params>;

interface State {
  readonly systemId: string;
  readonly segmentSize: SegmentSize;
  readonly files: readonly SentFile[];
  /** Archived before, and to be compared once the files are sent. */
  readonly archived: readonly SentFile[];
  /** In check mode: an earlier task stops the instance, which leaves the segment that it writes now. */
  readonly stops: boolean;
  /** Read only when there is something to send. */
  readonly settings?: ArchiveSettings | undefined;
}

interface TailChange extends Change {
  readonly pgdata: string;
  readonly user: string;
  readonly systemId: string;
  readonly segmentSize: SegmentSize;
  readonly forApply: { readonly command: string; readonly archived: readonly SentFile[] };
  readonly files: readonly SentFile[];
}

export const module = defineModule({
  summary: 'Archives the WAL in pg_wal of a node that no archive has, and proves that it arrived.',
  description: `Sends each file with the node's own archive_command, as PostgreSQL would, whether an instance runs on the data or
not. A complete segment goes under its own name; the last one of a timeline, which was still being written, as
<name>.partial (PostgreSQL itself does so at a promotion), so that a leader that comes back can still archive the
whole. What an archive has is not sent, nor what is older than everything that is archived. Nothing in pg_wal and its
archive_status is touched. Archived WAL harms nothing: undo leaves it.

As the source of Barman 3.4 has it: put-wal refuses a name that waits in incoming/; archive-wal drops a file that it has already,
and puts one of the same name with other content into errors/, and fails neither time. Hence the proof.`,
  examples: `- postgres.archive_tail: {}
  delegate_to: db1`,
  params,
  returns: {
    files: 'names in the archive of what was sent',
  },
  read: async (host, p: Params, context): Promise<State> => {
    const foreseen = known(await host.look(postgresResource, p.pgdata));
    const tail = await readTail(host, {
      pgdata: p.pgdata,
      user: p.user,
      exceptTimeline: p.leader_timeline,
      finished: p.finished,
    });
    const { systemId, segmentSize } = tail.control;
    const stops = tail.instance.running && !foreseen.running;
    const wanted = filesFrom(tail.files, p.from, segmentSize).filter(
      ({ partial }) => p.beginnings || !partial,
    );
    if (wanted.length === 0 && !stops) return { systemId, segmentSize, stops, files: [], archived: [] };
    const archives = await readArchivesOf(host, barmanOf(p), systemId);
    const own = { pgdata: p.pgdata, user: p.user, systemId, segmentSize };
    const whole = wholeIn(archives, segmentSize);
    // A recovery has proved what it needs by itself; whoever saves a node wants to know it of all that is there.
    const archived =
      p.from === undefined && p.beginnings
        ? wanted.filter(({ name, partial }) => !partial && whole.has(name)).map(sentFile)
        : [];
    const beginnings = wanted.filter(({ partial }) => partial).map(sentFile);
    const held = await heldBeginnings(host, barmanOf(p), own, beginnings);
    const files = filesToSend(wanted, archives, segmentSize, held).map(sentFile);
    // What is missing goes first: one wrong copy must not keep the rest from being saved.
    if (files.length === 0) await refuseOtherBytes(host, p, own, archived, context);
    if (files.length === 0 && !stops) return { systemId, segmentSize, stops, files, archived };
    const bin = programsOf(p, tail.instance.programs);
    const settings = await readArchiveSettings(host, { pgdata: p.pgdata, bin, user: p.user });
    return { systemId, segmentSize, stops, files, archived, settings };
  },
  plan: ({ systemId, segmentSize, stops, files, archived, settings }, p): TailChange | undefined => {
    if (settings === undefined) return undefined;
    const why = whyNoArchive(settings);
    if (why !== undefined && files.length === 0) return undefined;
    if (why !== undefined) throw doesNotArchive(why, files, p);
    const names = [
      ...files.map(({ as }) => as),
      ...(stops ? ['the segment that is written now, unless PostgreSQL does it as it stops'] : []),
    ];
    return {
      summary: `archive what only pg_wal in ${p.pgdata} has: ${names.slice(0, 4).join(', ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''}`,
      pgdata: p.pgdata,
      user: p.user,
      systemId,
      segmentSize,
      forApply: { command: settings.command, archived },
      files,
    };
  },
  unchanged: () => ({ files: [] }),
  predict: ({ files }, _state, p) => ({
    resources: [
      {
        kind: barmanResource.kind,
        id: p.barman_user,
        host: p.barman_host,
        state: new Unknown('WAL of a node would have been archived'),
      },
    ],
    result: { files: files.map(({ as }) => as) },
  }),
  apply: async (host, change, p, context) => {
    const timeoutMs = p.timeout * 1000;
    await sendFiles(host, { ...change, ...change.forApply }, timeoutMs, context);
    context.progress('waiting for Barman to take them in');
    await proveArchived(host, barmanOf(p), change, change.files, {
      timeoutMs,
      signal: context.signal,
    });
    const segments = change.files.filter(({ name }) => parseSegment(name) !== undefined);
    const other = await otherBytes(host, barmanOf(p), change, segments, {
      where: 'archived',
      progress: context.progress,
    });
    if (other.length > 0) throw notTheSame(other, host.name, p.pgdata, barmanOf(p));
    await refuseOtherBytes(host, p, change, change.forApply.archived, context);
    return { files: change.files.map(({ as }) => as) };
  },
  undo: async () => {
    // Archived WAL harms nothing, and may be all that is left of it.
  },
  orphans: 'end',
});

/** Throws kind `failed` (`archive-not-proved`) where an archive has something else under the name of one of these. */
async function refuseOtherBytes(
  host: ReadHost,
  p: Params,
  own: OwnWal,
  archived: readonly SentFile[],
  { progress }: Pick<WorkContext, 'progress'>,
): Promise<void> {
  const other = await otherBytes(host, barmanOf(p), own, archived, { where: 'arrived', progress });
  const wrong = other.filter(({ gone }) => !gone);
  if (wrong.length > 0) throw notTheSame(wrong, host.name, p.pgdata, barmanOf(p));
}

function sentFile({ name, partial }: TailFile): SentFile {
  return { name, as: partial ? `${name}.partial` : name };
}

function barmanOf(p: Params): BarmanPlace {
  return { host: p.barman_host, user: p.barman_user, servers: p.servers };
}

function doesNotArchive(why: string, files: readonly SentFile[], p: Params): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'node-does-not-archive',
    message: `this node has WAL that no archive has, and no way to archive it: ${why}`,
    details: [`in ${p.pgdata}/pg_wal: ${files.map(({ name }) => name).join(', ')}`],
    next: [
      'Set archive_mode = on and an archive_command that leads to Barman in its postgresql.conf (it need not run), then again.',
      'Or put the files into incoming/ of its Barman server by hand, as Barman’s user.',
    ],
  });
}
