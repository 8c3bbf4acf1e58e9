import { type Probe, probeScript } from '../../contract/probe.ts';
import type { RunResult } from '../../transport/types.ts';
import { READ_COMMITTED, type SessionTarget } from '../postgres/sql.ts';
import { formatLsn, type Lsn, lsnAt, parseLsn } from '../wal/lsn.ts';
import { parseSegmentSize, type SegmentSize, segmentHolding, startOfSegment } from '../wal/segment.ts';
import { timelineId } from '../wal/timeline.ts';

/** One comparison of a member's data with its leader's. */
export interface Finding {
  readonly verdict: 'same' | 'differs' | 'untold';
  readonly words: string;
}

/** Where a member stands, and what its control file goes back to. */
export interface MemberPosition {
  readonly replayed: Lsn;
  readonly segmentSize: SegmentSize;
  readonly checkpoint: Lsn;
  readonly checkpointTimeline: number;
  readonly redo: string;
  /** As pg_controldata and pg_waldump write it: `0:745`. */
  readonly nextXid: string;
}

const WINDOW_BYTES = 4 * 1024 * 1024;
const TRANSACTIONS = 100_000;
const BLOCK = 1_000;

export const TRANSACTIONS_SAME = 'the outcome of the latest transactions';

// The control file first: what is replayed afterwards can only be later.
const POSITION = probeScript(`
LC_ALL=C "$2/pg_controldata" "$1" || exit
{ read -r pid; read -r data; read -r start; read -r port; read -r socket; } < "$1/postmaster.pid" || exit
replayed=$(PGOPTIONS='-c default_transaction_read_only=on -c ${READ_COMMITTED} -c statement_timeout=5000' PGCONNECT_TIMEOUT=10 \\
  "$2/psql" -X -q -A -t -w -h "$socket" -p "$port" -U "$3" -d postgres -c 'select pg_last_wal_replay_lsn()') || exit
printf 'Replayed: %s\\n' "$replayed"`);

export function positionProbe({ pgdata, bin, user, role }: SessionTarget): Probe {
  return POSITION([pgdata, bin, role ?? user], { user, timeoutMs: 30_000 });
}

/** What could not be read, in words, where something is missing. */
export function parsePosition(printed: string): MemberPosition | string {
  const lines = new Map(
    printed.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  );
  const replayed = parseLsn(lines.get('Replayed') ?? '');
  const checkpoint = parseLsn(lines.get('Latest checkpoint location') ?? '');
  const segmentSize = parseSegmentSize(Number(lines.get('Bytes per WAL segment')));
  const checkpointTimeline = Number(lines.get("Latest checkpoint's TimeLineID"));
  const redo = lines.get("Latest checkpoint's REDO location");
  const nextXid = lines.get("Latest checkpoint's NextXID");
  if (replayed === undefined) return 'it does not tell how far it has replayed';
  if (checkpoint === undefined || segmentSize === undefined || redo === undefined || nextXid === undefined) {
    return 'pg_controldata does not tell its latest checkpoint';
  }
  return { replayed, segmentSize, checkpoint, checkpointTimeline, redo, nextXid };
}

/** A piece of a WAL segment, by offset and number of bytes. */
export interface WalWindow {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
}

/** The WAL right before the position that was replayed, and some of the segment before that one. */
export function walWindows(
  { replayed, segmentSize }: MemberPosition,
  timeline: number,
): readonly WalWindow[] {
  const id = timelineId(timeline);
  const last = segmentHolding(id, lsnAt(replayed === 0n ? 0n : replayed - 1n), segmentSize);
  const until = Number(replayed - startOfSegment(last, segmentSize));
  const from = Math.max(0, until - WINDOW_BYTES);
  const start = startOfSegment(last, segmentSize);
  const windows = [{ segment: last as string, offset: from, bytes: until - from }];
  if (start === 0n) return windows;
  const bytes = Math.min(WINDOW_BYTES, segmentSize);
  const before = segmentHolding(id, lsnAt(start - 1n), segmentSize);
  return [...windows, { segment: before, offset: segmentSize - bytes, bytes }];
}

const HASH = probeScript(`
d=$1; shift
while [ $# -gt 0 ]; do
  if [ -f "$d/pg_wal/$1" ]; then tail -c "+$(($2 + 1))" -- "$d/pg_wal/$1" | head -c "$3" | sha256sum | cut -d ' ' -f 1
  else echo -; fi
  shift 3
done`);

export function hashProbe({ pgdata, user }: SessionTarget, windows: readonly WalWindow[]): Probe {
  const words = windows.flatMap(({ segment, offset, bytes }) => [segment, String(offset), String(bytes)]);
  return HASH([pgdata, ...words], { user, timeoutMs: 60_000 });
}

/** The SHA-256 of nothing: what comes of a file that could not be read. */
const NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** A segment that is not on both any more, or was written on an older timeline, tells nothing. */
export function compareWal(windows: readonly WalWindow[], own: string, others: string): Finding {
  const [mine, theirs] = [own.split('\n'), others.split('\n')];
  const told = windows.filter((_, i) =>
    [mine[i], theirs[i]].every((hash) => /^[0-9a-f]{64}$/.test(hash ?? '') && hash !== NOTHING),
  );
  const other = told.find((window) => mine[windows.indexOf(window)] !== theirs[windows.indexOf(window)]);
  if (other !== undefined) {
    return {
      verdict: 'differs',
      words: `its WAL is not the leader's: segment ${other.segment}, ${other.bytes} bytes from ${other.offset}`,
    };
  }
  if (told.length === 0) return { verdict: 'untold', words: 'WAL: no segment of it is on both nodes' };
  return { verdict: 'same', words: `WAL up to ${told[0]?.segment}` };
}

const CHECKPOINT = probeScript(`LC_ALL=C "$2/pg_waldump" -p "$1/pg_wal" -t "$3" -s "$4" -n 1`);

export function checkpointProbe({ pgdata, bin, user }: SessionTarget, position: MemberPosition): Probe {
  const { checkpoint, checkpointTimeline } = position;
  return CHECKPOINT([pgdata, bin, String(checkpointTimeline), formatLsn(checkpoint)], {
    user,
    timeoutMs: 30_000,
  });
}

/** Compares the control file's latest checkpoint with what the leader's WAL has at that position. */
export function compareCheckpoint(
  { checkpoint, checkpointTimeline, redo, nextXid }: MemberPosition,
  exitCode: number | undefined,
  stdout: string,
  stderr: string,
): Finding {
  const at = formatLsn(checkpoint);
  if (/pg_waldump: .*(could not (find|open) file|No such file)/.test(stderr))
    return { verdict: 'untold', words: `the checkpoint at ${at}: the leader has not kept its WAL` };
  // Only what pg_waldump says of WAL that it has read is said of the data: it may be missing, or not let in.
  if (exitCode !== 0 && !/pg_waldump: .*(could not find a valid record|error in WAL record)/.test(stderr)) {
    const why = stderr.trim().split('\n')[0] || 'pg_waldump gave no answer';
    return { verdict: 'untold', words: `the checkpoint at ${at}: ${why}` };
  }
  const record =
    /lsn: ([0-9A-F]+\/[0-9A-F]+),.* desc: CHECKPOINT_\w+ redo ([0-9A-F]+\/[0-9A-F]+); tli (\d+);.* xid (\d+[:/]\d+);/.exec(
      stdout,
    );
  if (record === null) {
    return {
      verdict: 'differs',
      words: `its data goes back to a checkpoint at ${at}, and the leader's WAL has none there`,
    };
  }
  const [, where = '', from = '', timeline = '', xid = ''] = record;
  // What a standby has replayed since has moved the next xid of its control file on, and nothing else of this checkpoint.
  // Servers that stop at the same segment both begin the next one with a checkpoint: two branches, at one position.
  const same =
    parseLsn(where) === checkpoint &&
    parseLsn(from) === parseLsn(redo) &&
    Number(timeline) === checkpointTimeline &&
    fullXid(xid) <= fullXid(nextXid);
  return same
    ? { verdict: 'same', words: `checkpoint ${at}` }
    : {
        verdict: 'differs',
        words: `its data goes back to a checkpoint at ${at}, and the leader's WAL has another one there`,
      };
}

/** `epoch:xid` as one number. */
function fullXid(text: string): bigint {
  const [epoch = '0', xid = '0'] = text.split(/[:/]/);
  return (BigInt(epoch) << 32n) + BigInt(xid);
}

/** Everything before it has ended, as far as who answers knows. */
export const SNAPSHOT = 'select txid_snapshot_xmin(txid_current_snapshot())';

/**
 * The outcome of the latest transactions before one, for each block of them: a hash, or a letter for each (`c`, `a`, and
 * `-` where nobody knows any more) for the newest block, and for one of which the beginning has been forgotten.
 */
export function transactionsSql(until: number): string {
  const low = Math.max(3, until - TRANSACTIONS);
  const newest = Math.floor((until - 1) / BLOCK);
  return `select json_object_agg(block, case when block = ${newest} or outcomes like '%-%' then outcomes else md5(outcomes) end) from (
    select x / ${BLOCK} as block, string_agg(case when outcome is null then '-' when outcome = 'committed' then 'c' else 'a' end, '' order by x) as outcomes
    from (select x, txid_status(x) as outcome from generate_series(${low}::bigint, ${until - 1}::bigint) as x) as each
    group by 1) as blocks`;
}

export function compareTransactions(own: RunResult, others: RunResult): Finding {
  const failed = [own, others].find(({ exitCode }) => exitCode !== 0);
  if (failed !== undefined) {
    return {
      verdict: 'untold',
      words: `the outcome of transactions: ${failed.stderr.trim().split('\n')[0]}`,
    };
  }
  const [mine, theirs] = [blocksOf(own.stdout), blocksOf(others.stdout)];
  const known = [...mine].filter(
    ([block, outcomes]) => isKnown(outcomes) && isKnown(theirs.get(block) ?? ''),
  );
  const other = known.find(([block, outcomes]) => !sameOutcomes(outcomes, theirs.get(block) ?? ''));
  if (other !== undefined) {
    const first = Number(other[0]) * BLOCK;
    return {
      verdict: 'differs',
      words: `transactions have another outcome than on the leader: some of ${first} to ${first + BLOCK - 1}`,
    };
  }
  if (known.length === 0)
    return { verdict: 'untold', words: 'the outcome of transactions: none is known to both' };
  return { verdict: 'same', words: TRANSACTIONS_SAME };
}

function isKnown(outcomes: string): boolean {
  return /[^-]/.test(outcomes);
}

/** A hash says nothing beside letters: one of the two has forgotten the beginning of the block, and the rest must do. */
function sameOutcomes(one: string, other: string): boolean {
  if (one.includes('-') !== other.includes('-')) return true;
  if (!one.includes('-')) return one === other;
  return [...one].every((letter, i) => letter === '-' || other[i] === '-' || letter === other[i]);
}

function blocksOf(stdout: string): ReadonlyMap<string, string> {
  const blocks: unknown = stdout.trim() === '' ? {} : JSON.parse(stdout);
  return new Map(Object.entries((blocks ?? {}) as Readonly<Record<string, string>>));
}
