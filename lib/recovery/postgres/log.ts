import { type Lsn, parseLsn } from '../wal/lsn.ts';

/** What a `restore_command` of pitr's templates said of one file. */
export interface FetchAnswer {
  readonly file: string;
  /** What it said after the colon: the servers that have no such file, or the reasons of the doubt. */
  readonly words: string;
  /** How often it said so since the last file that was delivered. */
  readonly times: number;
}

/** What the log of a recovering instance has told so far. The log must be in English (`lc_messages=C`). */
export interface LogFacts {
  /** The last WAL file that the archive delivered. */
  readonly restored?: string | undefined;
  /** How often the archive delivered it in a row. */
  readonly deliveries: number;
  /** Since another file was delivered: PostgreSQL found no record where one had to begin or go on, in its words. */
  readonly unreadable?: string | undefined;
  /** Since then: this file is in no archive, proved. */
  readonly absent?: FetchAnswer | undefined;
  /** Since then: the archive could not be asked. */
  readonly doubt?: FetchAnswer | undefined;
  /** It has begun to ask the archive: what comes then is replay, and may take any time. */
  readonly recovering: boolean;
  readonly redoStarts?: Lsn | undefined;
  readonly consistent?: Lsn | undefined;
  /** It lets in who only reads. */
  readonly open: boolean;
  /** PostgreSQL's own words: `before commit of transaction 740, time 2026-11-22 09:34:43.1+00`. */
  readonly stopping?: string | undefined;
  /** The target is reached and the action is pause. */
  readonly pausedAtTarget: boolean;
  /** Replay has stopped because a setting is lower than the primary's. */
  readonly pausedBySettings: boolean;
  readonly waitingAt?: Lsn | undefined;
  readonly redoDone?: Lsn | undefined;
  /** As PostgreSQL writes it. */
  readonly lastCommit?: string | undefined;
  readonly newTimeline?: number | undefined;
  /** Somebody has told it to stop: `fast`, `immediate`, `smart`. */
  readonly shutdown?: string | undefined;
  /** FATAL and PANIC lines, each with its DETAIL and HINT. */
  readonly fatal: readonly string[];
  /** The last lines of all, for messages. */
  readonly tail: readonly string[];
  /** A line that is not complete yet. */
  readonly pending: string;
}

export const NOTHING_LOGGED: LogFacts = {
  deliveries: 0,
  recovering: false,
  open: false,
  pausedAtTarget: false,
  pausedBySettings: false,
  fatal: [],
  tail: [],
  pending: '',
};

const TAIL_LINES = 12;

/** Takes in more text of the log. */
export function readLog(facts: LogFacts, text: string): LogFacts {
  const lines = (facts.pending + text).split('\n');
  const pending = lines.pop() ?? '';
  let read = facts;
  for (const line of lines) read = readLine(read, line);
  return { ...read, pending };
}

// With log_error_verbosity=verbose, which a plain start takes from its files, the state of SQL stands before the words.
const SEVERITY =
  /(?:^|\s)(LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|STATEMENT|CONTEXT):\s+(?:[0-9A-Z]{5}: )?(.*)$/;

/** What ends one session is FATAL too, and says nothing of the instance. */
const OF_A_CLIENT =
  /^(the database system is|terminating connection|no pg_hba\.conf entry|.* authentication failed|role "|database "|sorry, too many clients|connection to client lost)/;

function readLine(facts: LogFacts, line: string): LogFacts {
  if (line.trim() === '') return facts;
  const seen = { ...facts, tail: [...facts.tail.slice(1 - TAIL_LINES), line] };
  const ours = /^pitr: (absent|doubt) (\S+?):\s*(.*)$/.exec(line);
  if (ours !== null) {
    const [, kind, file = '', words = ''] = ours;
    return kind === 'absent'
      ? {
          ...seen,
          absent: again(facts.absent, file, words),
          // That the segment is in no archive on another timeline settles no doubt about this one.
          doubt: facts.doubt?.file === file ? undefined : facts.doubt,
        }
      : { ...seen, doubt: again(facts.doubt, file, words) };
  }
  const [, severity = '', message = ''] = SEVERITY.exec(line) ?? [];
  if (severity === 'FATAL' && OF_A_CLIENT.test(message)) return seen;
  if (severity === 'FATAL' || severity === 'PANIC') {
    return { ...seen, fatal: [...facts.fatal, `${severity}: ${message}`] };
  }
  if (severity === 'DETAIL' || severity === 'HINT')
    return { ...seen, fatal: explain(facts, severity, message) };
  return severity === 'LOG' || severity === 'WARNING' ? { ...seen, ...told(message, facts) } : seen;
}

function again(before: FetchAnswer | undefined, file: string, words: string): FetchAnswer {
  return { file, words, times: before?.file === file ? before.times + 1 : 1 };
}

/** DETAIL and HINT belong to the line right above them; they count where that was a fatal one. */
function explain(facts: LogFacts, severity: string, message: string): readonly string[] {
  const above = SEVERITY.exec(facts.tail.findLast((line) => !/\s(?:DETAIL|HINT):\s/.test(line)) ?? '');
  const fatal = above?.[1] === 'PANIC' || (above?.[1] === 'FATAL' && !OF_A_CLIENT.test(above[2] ?? ''));
  return fatal ? [...facts.fatal, `  ${severity}: ${message}`] : facts.fatal;
}

/** A rule of what one message tells. */
type Rule = readonly [RegExp, (match: RegExpExecArray, before: LogFacts) => Partial<LogFacts>];

const lsnOf = (match: RegExpExecArray): Lsn | undefined => parseLsn(match[1] ?? '');

const RULES: readonly Rule[] = [
  [
    /^restored log file "([^"]+)" from archive/,
    (match, before) => ({
      ...delivered(match[1] ?? '', before),
      absent: undefined,
      // A history is fetched at each round, whatever keeps the segment that is waited for away.
      doubt: match[1]?.endsWith('.history') === true ? before.doubt : undefined,
      waitingAt: undefined,
    }),
  ],
  // Of xlogreader.c and xlogprefetcher.c. Also said at the end of the WAL that there is: then the file is not the last one known.
  [
    /^(?:incorrect resource manager data checksum|invalid resource manager ID|invalid magic number|invalid info bits|invalid record (?:length|offset)|invalid contrecord length|record with (?:invalid length|incorrect prev-link)|unexpected pageaddr|there is no contrecord flag|contrecord is requested|missing contrecord|invalid page|out-of-sequence|could not decompress|invalid block_id|WAL file is from)/,
    (match) => ({ unreadable: match.input }),
  ],
  [
    /^(?:entering standby mode|starting (?:archive|point-in-time) recovery)/,
    () => ({ recovering: true, consistent: undefined, open: false }),
  ],
  [/^received (\w+) shutdown request/, (match) => ({ shutdown: match[1] })],
  [/^redo starts at (\S+)/, (match) => ({ redoStarts: lsnOf(match) })],
  [/^consistent recovery state reached at (\S+)/, (match) => ({ consistent: lsnOf(match) })],
  [/^database system is ready to accept read[- ]only connections/, () => ({ open: true })],
  [/^recovery stopping (.+)$/, (match) => ({ stopping: match[1] })],
  [/^pausing at the end of recovery/, () => ({ pausedAtTarget: true })],
  // Of PostgreSQL 12, which says the same where somebody pauses it by hand on the way.
  [/^recovery has paused/, (_, { stopping }) => (stopping === undefined ? {} : { pausedAtTarget: true })],
  [/because of insufficient parameter settings/, () => ({ pausedBySettings: true })],
  [/^waiting for WAL to become available at (\S+)/, (match) => ({ waitingAt: lsnOf(match) })],
  [/^redo done at (\S+)/, (match) => ({ redoDone: lsnOf(match) })],
  [/^last completed transaction was at log time (.+)$/, (match) => ({ lastCommit: match[1] })],
  [/^selected new timeline ID: (\d+)/, (match) => ({ newTimeline: Number(match[1]) })],
];

/** A file that comes again and again is one that PostgreSQL cannot read on in. */
function delivered(file: string, { restored, deliveries, unreadable }: LogFacts): Partial<LogFacts> {
  return restored === file
    ? { deliveries: deliveries + 1, unreadable }
    : { restored: file, deliveries: 1, unreadable: undefined };
}

function told(message: string, before: LogFacts): Partial<LogFacts> {
  for (const [pattern, read] of RULES) {
    const match = pattern.exec(message);
    if (match !== null) return read(match, before);
  }
  return {};
}
