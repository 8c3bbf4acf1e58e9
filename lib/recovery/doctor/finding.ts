import type { Told } from './answer.ts';
import type { Facts, Need } from './facts.ts';

/** `unknown`: nobody could tell. That is never ok. */
export const SEVERITIES = ['ok', 'warning', 'critical', 'unknown'] as const;

export type Severity = (typeof SEVERITIES)[number];

/** What `--only` names. */
export const GROUPS = [
  'inventory',
  'connections',
  'tools',
  'cluster',
  'layout',
  'settings',
  'archiving',
  'backups',
  'space',
  'clocks',
  'leftovers',
  'logins',
  'secrets',
] as const;

export type Group = (typeof GROUPS)[number];

/** Something that a check has found on a host, or on none in particular. */
export interface Flaw {
  readonly severity: Exclude<Severity, 'ok'>;
  readonly host?: string | undefined;
  /** One sentence: what is the case. */
  readonly text: string;
  /** Commands that mend it, or words where there is no command. */
  readonly mend: readonly string[];
}

/** One thing that is examined. */
export interface Check {
  /** Stable: `archiving.works`. The part before the dot is its group. */
  readonly id: `${Group}.${string}`;
  /** What is the case where nothing is found. */
  readonly title: string;
  /** What it means for a recovery where something is found. */
  readonly meaning: string;
  /** What must be looked at for it. */
  readonly needs: readonly Need[];
  /** Pure: from what was seen to what is wrong. Nothing wrong is an empty list. */
  readonly judge: (facts: Facts) => readonly Flaw[];
}

/** What a check has found: several of one check where it is found on several hosts. */
export interface Finding {
  readonly check: string;
  readonly group: string;
  readonly severity: Severity;
  readonly title: string;
  readonly host?: string | undefined;
  readonly text?: string;
  readonly meaning?: string;
  readonly mend?: readonly string[];
}

export function groupOf({ id }: Pick<Check, 'id'>): string {
  return id.slice(0, id.indexOf('.'));
}

/** What a check says of what was seen: its flaws, or that all is well. */
export function examine(check: Check, facts: Facts): readonly Finding[] {
  const about = { check: check.id, group: groupOf(check), title: check.title };
  const flaws = check.judge(facts);
  if (flaws.length === 0) return [{ ...about, severity: 'ok' }];
  return flaws.map(({ severity, host, text, mend }) => ({
    ...about,
    severity,
    ...(host === undefined ? {} : { host }),
    text,
    meaning: check.meaning,
    mend,
  }));
}

/** The worst of several. What could not be told may be critical: it goes over a warning. */
export function worst(severities: readonly Severity[]): Severity {
  const order = ['critical', 'unknown', 'warning'] as const;
  return order.find((severity) => severities.includes(severity)) ?? 'ok';
}

/** What a proof says: nothing where it was given, critical where it was refused, unknown where it could not be tried. */
export function unproved<T>(
  answer: Told<T>,
  host: string | undefined,
  mend: readonly string[],
): readonly Flaw[] {
  if ('value' in answer) return [];
  const severity = answer.refused === true ? 'critical' : 'unknown';
  return [{ severity, host, text: answer.unknown, mend: [...answer.next, ...mend] }];
}

/** The flaws that follow from an answer; one of severity `unknown` where it could not be told. */
export function flawsOf<T>(
  answer: Told<T>,
  host: string | undefined,
  judge: (value: T) => readonly Flaw[],
): readonly Flaw[] {
  if ('value' in answer) return judge(answer.value);
  return [{ severity: 'unknown', host, text: `cannot tell: ${answer.unknown}`, mend: answer.next }];
}
