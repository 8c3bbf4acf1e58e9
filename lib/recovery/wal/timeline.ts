import { type Lsn, parseLsn } from './lsn.ts';

declare const brand: unique symbol;

/** The number of a timeline: 1 after initdb, one more than any known one at each promotion. */
export type TimelineId = number & { readonly [brand]: 'TimelineId' };

/** A number as a timeline. Throws when no timeline can have it. */
export function timelineId(number: number): TimelineId {
  if (!Number.isInteger(number) || number < 1 || number > 0xffff_ffff)
    throw new RangeError(`no timeline: ${number}`);
  return number as TimelineId;
}

/** `00000002.history` */
export function historyFileName(timeline: TimelineId): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
}

/** One ancestor in a history file: this timeline, up to where the next one left it. */
export interface HistoryEntry {
  readonly timeline: TimelineId;
  /** The position at which the next timeline begins. */
  readonly until: Lsn;
  /** PostgreSQL's own words: `no recovery target specified`, `before 2026-11-22 09:34:43.1+00`. */
  readonly reason: string;
}

/** Where a timeline comes from: its ancestors, the oldest first. Timeline 1 has none. */
export interface TimelineHistory {
  readonly timeline: TimelineId;
  readonly ancestors: readonly HistoryEntry[];
}

/**
 * Reads a `.history` file. Lines are `<parent timeline> <position> <reason>`; empty lines and comments are skipped.
 * Throws when PostgreSQL would refuse the file too: unreadable lines, timelines that do not ascend.
 */
export function parseHistory(timeline: TimelineId, text: string): TimelineHistory {
  const ancestors: HistoryEntry[] = [];
  for (const line of text.split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue;
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)\s*(.*?)\s*$/.exec(line);
    const until = parseLsn(match?.[2] ?? '');
    if (match === null || until === undefined) throw new Error(`not a line of a history file: ${line}`);
    const parent = timelineId(Number(match[1]));
    if (parent <= (ancestors.at(-1)?.timeline ?? 0))
      throw new Error(`timelines do not ascend in ${historyFileName(timeline)}`);
    ancestors.push({ timeline: parent, until, reason: match[3] ?? '' });
  }
  if ((ancestors.at(-1)?.timeline ?? 0) >= timeline)
    throw new Error(`${historyFileName(timeline)} names an ancestor that is not older than itself`);
  return { timeline, ancestors };
}

/** Whether two files tell the same story; the words of the reasons may differ in white space. */
export function sameHistory(one: TimelineHistory, other: TimelineHistory): boolean {
  return (
    one.timeline === other.timeline &&
    one.ancestors.length === other.ancestors.length &&
    one.ancestors.every((entry, index) => {
      const second = other.ancestors[index];
      return second?.timeline === entry.timeline && second.until === entry.until;
    })
  );
}

/** Whether the promotion ended a recovery that was told where to stop: a branch on purpose, not a failover. */
export function stoppedAtTarget(entry: HistoryEntry): boolean {
  return !/^no recovery target specified/.test(entry.reason);
}
