import { z } from 'zod';
import { formatBytes } from '../../lib/base/values/bytes.ts';
import { whyNoArchive } from '../../lib/recovery/postgres/archive-command.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import { defineCommand } from '../command.ts';
import { INVENTORY_OPTIONS, OUTPUT_OPTIONS, typedWords } from '../common-options.ts';
import { exitCodeOfAnswers, type LookSession, withLookSession } from '../look-session.ts';
import { table } from '../table.ts';
import { duration, oneLine, plural } from '../text.ts';
import { patroniHosts } from '../well-known-hosts.ts';

/** What `patroni.cluster` says. */
const clusterSchema = z.looseObject({
  cluster: z.string().optional(),
  leader: z.string().optional(),
  timeline: z.number().optional(),
  system_id: z.string().optional(),
  paused: z.boolean().optional(),
  source: z.string().optional(),
  members: z.record(
    z.string(),
    z.looseObject({
      role: z.string(),
      state: z.string(),
      timeline: z.number().optional(),
      lag_bytes: z.number().optional(),
    }),
  ),
});

/** How the leader is to archive, and one row of its pg_stat_archiver. */
const archiverSchema = z.object({
  archive_mode: z.string(),
  archive_command: z.string(),
  archive_library: z.string(),
  last_archived_wal: z.string().nullable(),
  last_archived_time: z.string().nullable(),
  seconds_ago: z.number().nullable(),
  failed_count: z.number(),
  last_failed_wal: z.string().nullable(),
  last_failed_time: z.string().nullable(),
  /** Its last try went well, or there was none. */
  tried_well: z.boolean(),
  /** Finished WAL files that wait to be archived, and for how long the oldest of them has. */
  ready: z.number(),
  ready_seconds: z.number().nullable(),
});

const ARCHIVER_SQL = `
  select current_setting('archive_mode') as archive_mode, current_setting('archive_command') as archive_command,
         coalesce(current_setting('archive_library', true), '') as archive_library,
         last_archived_wal, last_archived_time::text as last_archived_time,
         extract(epoch from now() - last_archived_time)::int as seconds_ago,
         failed_count::int as failed_count, last_failed_wal, last_failed_time::text as last_failed_time,
         last_failed_time is null or coalesce(last_archived_time > last_failed_time, false) as tried_well,
         waiting.ready, waiting.ready_seconds
    from pg_stat_archiver,
         (select count(*)::int as ready, extract(epoch from now() - min(modification))::int as ready_seconds
            from pg_ls_archive_statusdir() where name like '%.ready') as waiting`;

/** What has waited longer than that waits for more than its turn. */
const LATE_SECONDS = 60;

type Cluster = z.output<typeof clusterSchema>;
export type Archiver = z.output<typeof archiverSchema>;

export const status = defineCommand({
  name: 'status',
  summary: 'The cluster: members, roles, timelines, lag, archiving',
  description: [
    'Asks Patroni on the nodes of the cluster (the group "patroni" of the inventory) and the leader\'s PostgreSQL whether WAL is being archived. Changes nothing.',
  ],
  arguments: [{ name: 'pattern', text: 'the nodes to ask; the group patroni without it' }],
  options: { ...INVENTORY_OPTIONS, ...OUTPUT_OPTIONS },
  examples: [
    { text: 'The lab', command: 'pitr status -i inventory/lab-docker.yml' },
    { text: 'For a script', command: 'pitr status -i inventory/lab-ssh.yml --output json' },
  ],
  run: ({ options, args }, io) =>
    withLookSession(options, io, async (session) => {
      const { lookOnce } = await import('../../lib/engine/run/look.ts');
      const answers = await lookOnce({
        ...session.request,
        hosts: args[0] ?? patroniHosts,
        module: 'patroni.cluster',
        params: {},
      });
      const views = answers.flatMap(({ host, result }) =>
        result === undefined ? [] : [{ host, cluster: clusterSchema.parse(result) }],
      );
      for (const { error } of answers) if (error !== undefined) session.tell(error);
      const best = views.find(({ cluster }) => cluster.leader !== undefined) ?? views[0];
      if (best === undefined) return exitCodeOfAnswers(answers);
      tellCluster(best.cluster, session);
      tellDisagreement(views, session);
      tellAbsent(
        absentNodes(
          Object.keys(best.cluster.members),
          answers.map(({ host }) => host),
        ),
        session,
      );
      const { leader } = best.cluster;
      if (leader === undefined) return exitCodeOfAnswers(answers);
      const [archiving] = await lookOnce({
        ...session.request,
        hosts: leader,
        module: 'postgres.query',
        params: { sql: ARCHIVER_SQL },
      });
      const row = z.looseObject({ rows: z.array(archiverSchema) }).safeParse(archiving?.result).data?.rows[0];
      if (row !== undefined) tellArchiver(leader, row, typedWords(options), session);
      else if (archiving?.error !== undefined) session.tell(archiving.error);
      return exitCodeOfAnswers(archiving === undefined ? answers : [...answers, archiving]);
    }),
});

function tellCluster(cluster: Cluster, session: LookSession): void {
  const { paint } = session.view;
  const { members, ...facts } = cluster;
  session.emit({ type: 'cluster', ...facts });
  for (const [member, state] of Object.entries(members)) {
    session.emit({ type: 'member', cluster: cluster.cluster, member, ...state });
  }
  const head = [
    `Cluster ${oneLine(cluster.cluster ?? '(without a name)')}`,
    cluster.leader === undefined ? paint.failed('no leader') : `leader ${oneLine(cluster.leader)}`,
    ...(cluster.timeline === undefined ? [] : [`timeline ${cluster.timeline}`]),
    ...(cluster.paused === true ? [paint.changed('automatic failover is paused')] : []),
    ...(cluster.system_id === undefined ? [] : [`system id ${oneLine(cluster.system_id)}`]),
  ];
  const rows = Object.entries(members);
  const lines = table<(typeof rows)[number]>(
    [
      { title: 'MEMBER', value: ([name]) => name },
      { title: 'ROLE', value: ([, member]) => member.role },
      { title: 'STATE', value: ([, member]) => member.state },
      { title: 'TIMELINE', value: ([, member]) => String(member.timeline ?? '-'), align: 'right' },
      {
        title: 'LAG',
        value: ([, member]) => (member.lag_bytes === undefined ? '-' : formatBytes(member.lag_bytes)),
        align: 'right',
      },
    ],
    rows,
  );
  const [heading = '', ...body] = lines;
  session.print([
    head.join(', '),
    '',
    paint.strong(heading),
    ...body.map((line, index) => (isFine(rows[index]?.[1], cluster) ? line : paint.changed(line))),
  ]);
}

/** Up, and on the leader's timeline. */
function isFine(member: Cluster['members'][string] | undefined, cluster: Cluster): boolean {
  return (
    member !== undefined &&
    (member.state === 'running' || member.state === 'streaming') &&
    member.timeline === cluster.timeline
  );
}

/** Nodes that name different leaders are two clusters in the making. */
function tellDisagreement(
  views: readonly { readonly host: string; readonly cluster: Cluster }[],
  session: LookSession,
): void {
  const leaders = new Set(views.map(({ cluster }) => cluster.leader));
  if (leaders.size < 2) return;
  const text = views.map(({ host, cluster }) => `${host} says ${cluster.leader ?? 'none'}`).join(', ');
  session.emit({ type: 'warning', time: Date.now(), text: `the nodes do not agree on the leader: ${text}` });
  session.print(['', session.view.paint.failed(`The nodes do not agree on the leader: ${oneLine(text)}.`)]);
}

/** The nodes that were asked and are no members; nothing where members have names of their own. */
export function absentNodes(members: readonly string[], asked: readonly string[]): readonly string[] {
  return members.every((member) => asked.includes(member))
    ? asked.filter((host) => !members.includes(host))
    : [];
}

/** A node that a recovery has taken out is in no list of Patroni's: without a word it would be overlooked. */
function tellAbsent(nodes: readonly string[], session: LookSession): void {
  if (nodes.length === 0) return;
  const text = `not in the cluster now: ${nodes.join(', ')}`;
  session.emit({ type: 'warning', time: Date.now(), text });
  session.print([
    '',
    session.view.paint.changed(oneLine(`N${text.slice(1)}`)),
    '  If a recovery waits there, pitr runs says what can be done now.',
  ]);
}

/**
 * How archiving goes, in a word or two, and why where it does not go well: PostgreSQL counts no failure of a command that
 * does nothing.
 */
export function archivingState(archiver: Archiver): {
  readonly state: 'off' | 'works' | 'fails' | 'nothing is archived' | 'stands still';
  readonly why?: string;
} {
  const { archive_mode: mode, archive_command: command, archive_library: library } = archiver;
  if (mode === 'off') return { state: 'off' };
  // What a library does with WAL the statistics tell like that of a command.
  const why = library.trim() === '' ? whyNoArchive({ mode, command, library }) : undefined;
  if (why !== undefined) return { state: 'nothing is archived', why };
  if (!archiver.tried_well) return { state: 'fails' };
  if ((archiver.ready_seconds ?? 0) <= LATE_SECONDS) return { state: 'works' };
  const files = plural(archiver.ready, 'finished WAL file waits', 'finished WAL files wait');
  return {
    state: 'stands still',
    why: `${files}, for ${duration((archiver.ready_seconds ?? 0) * 1000)} now`,
  };
}

function tellArchiver(host: string, archiver: Archiver, site: readonly string[], session: LookSession): void {
  const { state, why } = archivingState(archiver);
  // A command may hold a secret.
  const { archive_command: _, tried_well: __, ...told } = archiver;
  session.emit({
    type: 'archiver',
    host,
    ...told,
    ok: state === 'works',
    ...(why === undefined ? {} : { why }),
  });
  const { paint } = session.view;
  const last =
    archiver.last_archived_wal === null
      ? 'nothing has been archived yet'
      : `last ${oneLine(archiver.last_archived_wal)}, ${duration((archiver.seconds_ago ?? 0) * 1000)} ago`;
  const words = state === 'works' ? paint.ok(state) : paint.failed(state);
  const lines = [`Archiving on ${host}: ${words}${why === undefined ? '' : ` (${oneLine(why)})`}, ${last}`];
  if (archiver.failed_count > 0) {
    const times = plural(archiver.failed_count, 'failed try', 'failed tries');
    lines.push(
      `  ${times}, the last of ${oneLine(`${archiver.last_failed_wal} at ${archiver.last_failed_time}`)}`,
    );
  }
  if (state === 'off' || state === 'nothing is archived') {
    const doctor = commandLine(['pitr', 'doctor', ...site, '--only', 'archiving']);
    lines.push(`  Whether Barman receives its WAL by streaming: ${doctor}`);
  }
  session.print(['', ...lines]);
}
