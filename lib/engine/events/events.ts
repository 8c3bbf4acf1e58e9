import type { PitrErrorJson, SourcePosition } from '../../base/errors/pitr-error.ts';

/** How a task ended on a host. `unknown`: check mode cannot tell (it depends on what was not run). */
export type TaskStatus = 'ok' | 'changed' | 'skipped' | 'failed' | 'unreachable' | 'unknown';

export type RunMode = 'run' | 'check' | 'dry-run';

/** Counts for one host; `rescued` and `ignored` as in Ansible's recap. */
export interface Recap {
  readonly ok: number;
  readonly changed: number;
  readonly failed: number;
  readonly unreachable: number;
  readonly skipped: number;
  readonly unknown: number;
  readonly rescued: number;
  readonly ignored: number;
}

export interface TaskRef {
  /** Stable within a playbook: `play.task` numbers with blocks, `1.4` or `2.3.1`. */
  readonly id: string;
  readonly name: string;
  readonly module: string;
  readonly at: SourcePosition;
  /** What the task does in the whole, where its author has said it: for readers that follow a known playbook. */
  readonly stage?: string;
}

export interface EventDiff {
  readonly subject: string;
  readonly before: string;
  readonly after: string;
}

/**
 * All that a run says, in order. The engine's only output; every reader (terminal, plain text, JSON lines, journal)
 * reads this and nothing else. Secrets are already masked. `time` is epoch milliseconds.
 */
export type PitrEvent =
  /** Everything is loaded and validated; no host has been contacted. */
  | {
      readonly type: 'run.started';
      readonly time: number;
      readonly runId: string;
      readonly mode: RunMode;
      readonly playbook: string;
      readonly hosts: readonly string[];
      /** In a resumed run: how many results of tasks stand from before; they are not told again. */
      readonly doneBefore?: number;
      /** In a resumed run: how many changes stand from before; they are not made again. */
      readonly changesBefore?: number;
    }
  /** The play's hosts are known; none of its tasks has started. */
  | {
      readonly type: 'play.started';
      readonly time: number;
      readonly play: string;
      readonly hosts: readonly string[];
      readonly at: SourcePosition;
    }
  /** A play whose pattern matched no host, or that no tag selected. */
  | { readonly type: 'play.skipped'; readonly time: number; readonly play: string; readonly why: string }
  /** The task's name is rendered; no host has started it. */
  | {
      readonly type: 'task.started';
      readonly time: number;
      readonly task: TaskRef;
      readonly hosts: readonly string[];
      readonly handler: boolean;
    }
  /** A host begins the task (after `when` said yes). */
  | {
      readonly type: 'host.started';
      readonly time: number;
      readonly task: TaskRef;
      readonly host: string;
      readonly item?: string;
    }
  /** A long task says how far it is; the latest one counts. */
  | {
      readonly type: 'host.progress';
      readonly time: number;
      readonly task: TaskRef;
      readonly host: string;
      readonly text: string;
      readonly data?: Readonly<Record<string, unknown>>;
    }
  /** Live output of a command. */
  | {
      readonly type: 'host.output';
      readonly time: number;
      readonly task: TaskRef;
      readonly host: string;
      readonly stream: 'stdout' | 'stderr';
      readonly text: string;
    }
  /** A try failed and another will follow (`until`/`retries`). */
  | {
      readonly type: 'host.retry';
      readonly time: number;
      readonly task: TaskRef;
      readonly host: string;
      readonly attempt: number;
      readonly retries: number;
      readonly why: string;
    }
  /** One item of a loop is done on a host. */
  | {
      readonly type: 'host.item';
      readonly time: number;
      readonly task: TaskRef;
      readonly host: string;
      readonly item: string;
      readonly status: TaskStatus;
      readonly summary?: string;
      readonly error?: PitrErrorJson;
    }
  /** The task is done on a host; its result cannot change any more. `ignored`: failed, and told to go on. */
  | {
      readonly type: 'host.result';
      readonly time: number;
      readonly task: TaskRef;
      readonly host: string;
      readonly status: TaskStatus;
      readonly durationMs: number;
      readonly summary?: string;
      readonly delegatedTo?: string;
      readonly diff?: readonly EventDiff[];
      readonly result?: unknown;
      readonly message?: string;
      readonly error?: PitrErrorJson;
      readonly ignored?: boolean;
    }
  /** All hosts have a result for the task. */
  | { readonly type: 'task.finished'; readonly time: number; readonly task: TaskRef }
  /** Something the operator should know, that is not a failure. */
  | {
      readonly type: 'warning';
      readonly time: number;
      readonly text: string;
      readonly host?: string;
      readonly task?: TaskRef;
    }
  /** The run waits for the operator's answer. */
  | {
      readonly type: 'question.asked';
      readonly time: number;
      readonly text: string;
      readonly details: readonly string[];
      readonly host?: string;
    }
  | {
      readonly type: 'question.answered';
      readonly time: number;
      readonly answer: 'yes' | 'no';
      readonly by: 'operator' | '--yes' | 'nobody';
    }
  /** The play is over on all its hosts. */
  | { readonly type: 'play.finished'; readonly time: number; readonly play: string }
  /** Nothing happens any more. `notRun`: handlers that were notified and never ran, by host. */
  | {
      readonly type: 'run.finished';
      readonly time: number;
      readonly status: 'ok' | 'failed' | 'interrupted';
      readonly recap: Readonly<Record<string, Recap>>;
      readonly error?: PitrErrorJson;
      readonly notRun: Readonly<Record<string, readonly string[]>>;
      readonly durationMs: number;
    }
  /** After the end: what can be done now. Every command works in the state that the run has left. */
  | { readonly type: 'run.ways'; readonly time: number; readonly ways: readonly Way[] };

/** One thing that can be done, and the command for it. */
export interface Way {
  readonly text: string;
  readonly command?: string;
}

/** One reader of the stream. A reader that throws never stops the run. */
export type EventReader = (event: PitrEvent) => void;
