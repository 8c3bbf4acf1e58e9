import { z } from 'zod';
import type { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { type LookAnswer, lookOnce } from '../../lib/engine/run/look.ts';
import { parseInstant } from '../../lib/recovery/wal/parse-instant.ts';
import type { PlainSession } from '../plain-session.ts';
import { oneLine } from '../text.ts';
import type { Surroundings } from './gap.ts';

/** What was recovered, as far as the checklist must know it. */
export interface Recovered {
  readonly runId: string;
  readonly target: string;
  /** As the recovery understood it: a time in UTC, or `latest`. */
  readonly targetTime: string;
  /** The same in words, of whatever kind the target is. */
  readonly words: string;
  /** The timeline that was replayed. */
  readonly timeline: number;
  /** The cluster follows the target; else it waits, isolated. */
  readonly tookOver: boolean;
}

type Rows = readonly Readonly<Record<string, unknown>>[];

interface Item {
  readonly title: string;
  readonly sql: string;
  readonly expected: string;
  /** Whether the rows are as expected; undefined where only a person can tell. */
  readonly holds: (rows: Rows) => boolean | undefined;
}

/** The checklist of the script's manual, for an instance that waits at the target or leads its cluster. */
export function checklist({ targetTime, words, timeline, tookOver }: Recovered): readonly Item[] {
  const only = (rows: Rows): unknown => Object.values(rows[0] ?? {})[0];
  const timed = targetTime !== 'latest';
  return [
    {
      title: '1. Recovery Status',
      sql: 'SELECT pg_is_in_recovery();',
      expected: tookOver ? 'f: recovery is complete' : 't: it waits at the target; f after the promotion',
      holds: (rows) => only(rows) === !tookOver,
    },
    {
      title: '2. Recovery Target',
      sql: 'SHOW recovery_target_time;',
      expected: tookOver
        ? 'empty: nothing of the recovery is left in the settings'
        : timed
          ? `${targetTime}, or empty where recovery aims at a position just before it`
          : 'empty: the target is no time',
      holds: (rows) => {
        const shown = String(only(rows) ?? '');
        return shown === '' || (!tookOver && timed && sameMoment(shown, targetTime));
      },
    },
    {
      title: '3. Timeline',
      sql: tookOver
        ? "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline_id;"
        : 'SELECT timeline_id FROM pg_control_checkpoint();',
      expected: tookOver
        ? `a new timeline, higher than ${timeline}`
        : `at most ${timeline}; the promotion begins a new one`,
      holds: (rows) => {
        const seen = Number(only(rows));
        return tookOver ? seen > timeline : seen <= timeline;
      },
    },
    ...(tookOver
      ? []
      : [
          {
            title: '4. Data Verification: the last commit that is there',
            sql: 'SELECT pg_last_xact_replay_timestamp();',
            expected: timed
              ? `not after ${targetTime}`
              : `the last one that is recovered; the target was: ${words}`,
            holds: (rows: Rows) => (timed ? notAfter(only(rows), targetTime) : undefined),
          },
        ]),
    {
      title: '4. Data Verification: databases',
      sql: 'SELECT datname, pg_size_pretty(pg_database_size(datname)) AS size FROM pg_database WHERE NOT datistemplate ORDER BY 1;',
      expected: 'the databases of that moment; count the rows of your own tables as shown below',
      holds: (rows) => (rows.length > 0 ? undefined : false),
    },
    tookOver
      ? {
          title: '5. Cluster Status',
          sql: 'SELECT slot_name, active FROM pg_replication_slots ORDER BY 1;',
          expected: 'a slot for each member that follows',
          holds: () => undefined,
        }
      : {
          title: '5. Cluster Status',
          sql: 'SHOW listen_addresses;',
          expected: 'empty: no client gets in',
          holds: (rows) => only(rows) === '',
        },
  ];
}

function sameMoment(shown: string, wanted: string): boolean {
  const one = parseInstant(shown);
  const other = parseInstant(wanted);
  return one.ok && other.ok && one.instant === other.instant;
}

/** The moment as a client shows it: with an offset, `T` or a blank in the middle. */
function notAfter(shown: unknown, wanted: string): boolean | undefined {
  if (shown === null || shown === undefined) return undefined;
  const seen = parseInstant(String(shown));
  const limit = parseInstant(wanted);
  return seen.ok && limit.ok ? seen.instant <= limit.instant : undefined;
}

const rowsSchema = z.looseObject({ rows: z.array(z.record(z.string(), z.unknown())) });

/** Asks the target all of it, read-only and with timeouts, and tells the answers. Gives how many are not as expected. */
export async function runChecklist(
  recovered: Recovered,
  surroundings: Surroundings,
  session: PlainSession,
): Promise<number> {
  const items = checklist(recovered);
  const answers = await Promise.all(
    items.map(async ({ sql }): Promise<LookAnswer | undefined> => {
      const [answer] = await lookOnce({
        ...surroundings,
        signal: session.interrupts.signal,
        hosts: recovered.target,
        module: 'postgres.query',
        params: { sql: sql.replace(/;$/, ''), timeout: 10, lock_timeout: 3 },
      });
      return answer;
    }),
  );
  const { paint, marks } = session.view;
  const ticks = marks.ok === '+' ? { yes: '+', no: 'x' } : { yes: '✓', no: '✗' };
  session.print(['', paint.strong('Post-Restore Verification SQL Checklist')]);
  let wrong = 0;
  for (const [index, item] of items.entries()) {
    const answer = answers[index];
    const rows = rowsSchema.safeParse(answer?.result).data?.rows;
    const holds = rows === undefined ? false : item.holds(rows);
    if (holds === false) wrong++;
    session.emit({
      type: 'recover.check',
      time: Date.now(),
      title: item.title,
      sql: item.sql,
      expected: item.expected,
      holds: holds ?? null,
      rows,
      error: answer?.error,
    });
    const lines = rows === undefined ? [failed(answer?.error)] : shownRows(rows);
    session.print([
      '',
      item.title,
      paint.quiet(`  ${item.sql}`),
      ...lines.map((line) =>
        holds === false ? paint.failed(`  ${ticks.no} ${line}`) : `  ${holds ? ticks.yes : '-'} ${line}`,
      ),
      paint.quiet(`  expected: ${item.expected}`),
    ]);
  }
  return wrong;
}

function failed(error: PitrError | undefined): string {
  return `no answer: ${oneLine(error?.message ?? 'the node did not answer')}`;
}

function shownRows(rows: Rows): readonly string[] {
  if (rows.length === 0) return ['(no rows)'];
  return rows.map((row) => {
    const values = Object.values(row).map((value) => (value === true ? 't' : value === false ? 'f' : value));
    return oneLine(values.map((value) => (value === '' ? '(empty)' : String(value))).join(' | '));
  });
}
