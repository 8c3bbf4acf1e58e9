import type { PitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import type { Question } from '../../contract/module.ts';
import type { Inventory } from '../../language/inventory/model.ts';
import type { HostConnection } from '../../transport/types.ts';
import type { Predictions } from '../check/predictions.ts';
import type { EventReader, Recap, RunMode } from '../events/events.ts';
import type { Past } from '../journal/past.ts';
import type { RunJournal } from '../journal/run-journal.ts';
import type { TaskTurns } from '../task/task-turns.ts';
import type { HeldLocks } from './held-locks.ts';

export interface Answer {
  readonly answer: boolean;
  readonly by: 'operator' | '--yes' | 'nobody';
}

/** Everything that lives as long as one run. */
export interface RunState {
  readonly runId: string;
  readonly mode: RunMode;
  /** What playbooks see as the mode; a run is gone through once as a dry run before it starts. */
  readonly statedMode: RunMode;
  readonly inventory: Inventory;
  /** `--limit`: the hosts that it is about; all without it. */
  readonly limit: string | undefined;
  /** `-e`: as typed, never rendered. */
  readonly extraVars: Readonly<Record<string, unknown>>;
  readonly emit: EventReader;
  readonly ask: (question: Question) => Promise<Answer>;
  /** Says what can be done about an error of a task, where more is known of that than the task knows. */
  readonly advise?: ((error: PitrError) => Promise<PitrError>) | undefined;
  /** Somebody is there to answer, or has answered everything beforehand. */
  readonly answerable: boolean;
  readonly signal: AbortSignal;
  readonly masker: Masker;
  /** Tasks (by id) of which it was said that they show a secret on a command line. */
  readonly warnedOf: Set<string>;
  readonly forks: number;
  readonly tags: TagFilter;
  /** Registered results and facts, by host; they outlive plays. */
  readonly facts: Map<string, Map<string, unknown>>;
  readonly connection: (host: string) => HostConnection;
  /** In a dry run: told each host that a task would ask something or change. */
  readonly wouldUse?: ((host: string) => void) | undefined;
  /** Hosts on which something of the run may still be at work, with the error that `connection` has for them from then on. */
  readonly atWork: Map<string, PitrError>;
  readonly predictions: Predictions | undefined;
  readonly journal: RunJournal | undefined;
  /** In a resumed run: what need not be done again. */
  readonly past: Past | undefined;
  /** It was said of this process of the run that it does without the lock. */
  readonly withoutLock: boolean;
  /** Which of the `-e` were given to an earlier process of the run alone. */
  readonly givenBefore: ReadonlySet<string>;
  readonly turns: TaskTurns;
  /** What the run keeps until it ends. */
  readonly held: HeldLocks;
  readonly recap: RecapBook;
  /** Hosts that failed or were lost: no later play runs on them. */
  readonly lost: Set<string>;
  /** Handlers that were notified and have not run: by host, id to name. */
  readonly notified: Map<string, Map<string, string>>;
  /** Likewise those of which only the run will tell whether they are notified: in a check and a dry run. */
  readonly maybeNotified: Map<string, Map<string, string>>;
  readonly forceHandlers: boolean;
  readonly playbookDirectory: string;
}

export interface TagFilter {
  readonly only: readonly string[];
  readonly skip: readonly string[];
}

type Count = keyof Recap;

const NOTHING: Recap = {
  ok: 0,
  changed: 0,
  failed: 0,
  unreachable: 0,
  skipped: 0,
  unknown: 0,
  rescued: 0,
  ignored: 0,
};

/** Counts results by host for the recap. */
export class RecapBook {
  readonly #hosts = new Map<string, Record<Count, number>>();

  count(host: string, what: Count): void {
    this.#of(host)[what]++;
  }

  /**
   * A block was rescued on a host: what has failed in it counts as rescued, and not as failed. That may be more than one
   * task, where a block inside it failed in its own `rescue` or `always`.
   */
  rescue(host: string, before: Recap = NOTHING): void {
    const counts = this.#of(host);
    const failures = counts.failed - before.failed + counts.unreachable - before.unreachable;
    // In a resumed run the failure was counted by the process before.
    counts.rescued += Math.max(failures, 1);
    counts.failed = before.failed;
    counts.unreachable = before.unreachable;
  }

  /** A host takes part in the run; it is in the recap even when nothing happens on it. */
  enter(host: string): void {
    this.#of(host);
  }

  all(): Readonly<Record<string, Recap>> {
    return Object.fromEntries([...this.#hosts].map(([host, counts]) => [host, { ...counts }]));
  }

  #of(host: string): Record<Count, number> {
    let counts = this.#hosts.get(host);
    if (counts === undefined) {
      counts = { ...NOTHING };
      this.#hosts.set(host, counts);
    }
    return counts;
  }
}

/** Whether a task's tags are selected: `always` unless skipped by name, `never` only when asked for by name. */
export function tagsSelect(tags: readonly string[], filter: TagFilter): boolean {
  if (filter.skip.some((tag) => isSkipped(tags, tag))) return false;
  const named = filter.only.some((tag) => tags.includes(tag));
  if (tags.includes('never') && !named) return false;
  if (filter.only.length === 0 || filter.only.includes('all')) return true;
  if (filter.only.includes('untagged') && tags.length === 0) return true;
  if (filter.only.includes('tagged') && tags.length > 0) return true;
  return named || tags.includes('always');
}

function isSkipped(tags: readonly string[], skip: string): boolean {
  if (skip === 'all') return !tags.includes('always');
  if (skip === 'tagged') return tags.length > 0;
  return skip === 'untagged' ? tags.length === 0 : tags.includes(skip);
}
