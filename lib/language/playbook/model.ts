import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import type { Located } from '../yaml/located.ts';

/** A playbook as checked: every key known, every module found, nothing rendered yet. */
export interface Playbook {
  /** As the operator named it, or where it was found. */
  readonly file: string;
  readonly plays: readonly Play[];
}

export interface Play {
  readonly name: string;
  readonly at: SourcePosition;
  /** The directory that relative files are found from (an imported playbook has its own). */
  readonly directory: string;
  /** A host pattern; may hold `{{ }}`, rendered with extra vars and `vars` of the play. */
  readonly hosts: Located<string>;
  readonly vars: Vars;
  readonly varsFiles: readonly Located<string>[];
  /** `defaults_files`: variables with the lowest precedence of all, below the inventory. */
  readonly defaultsFiles: readonly Located<string>[];
  readonly tasks: readonly Step[];
  readonly handlers: readonly Task[];
  readonly strategy: 'linear' | 'free';
  /** Batches of hosts: counts or percentages (`"30%"`); empty means all at once. */
  readonly serial: readonly (number | string)[];
  readonly anyErrorsFatal: boolean;
  readonly maxFailPercentage?: number | undefined;
  readonly gatherFacts: boolean;
  readonly become: Become | undefined;
  readonly environment: readonly Located[];
  /** Default params by module or family: `{ "postgres": { port: 5431 }, "fs.copy": {...} }`. */
  readonly moduleDefaults: Readonly<Record<string, Located<Readonly<Record<string, unknown>>>>>;
  readonly tags: readonly string[];
  /** Conditions of the import that brought this play in. */
  readonly when: readonly Condition[];
}

/** Variables with their places; values may hold `{{ }}` and are rendered when they are used. */
export type Vars = Readonly<Record<string, Located>>;

export interface Become {
  readonly enabled: boolean;
  readonly user?: Located<string> | undefined;
}

/** A condition in the Common Expression Language, or a literal boolean. */
export type Condition = Located<string | boolean>;

export type Step = Task | Block;

/** What steps have of their own or from what is around them: play, blocks, includes. */
export interface Inherited {
  /** Of the file that the step is written in. */
  readonly directory: string;
  /** The condition of every block around it, outermost first, then its own. */
  readonly when: readonly Condition[];
  readonly tags: readonly string[];
  /** Variables of the blocks around it and its own, outermost first; later ones win. */
  readonly vars: readonly Vars[];
  readonly become: Become | undefined;
  readonly environment: readonly Located[];
  readonly delegateTo: Located<string> | undefined;
  readonly runOnce: boolean;
  /** What it does in the whole, for readers of events. */
  readonly stage: string | undefined;
  readonly ignoreErrors: Condition | undefined;
  readonly anyErrorsFatal: boolean | undefined;
  readonly noLog: boolean;
}

interface StepCommon extends Inherited {
  /** Stable within the playbook: `2.3.1`. */
  readonly id: string;
  readonly at: SourcePosition;
}

export interface Block extends StepCommon {
  readonly kind: 'block';
  readonly name: string | undefined;
  readonly block: readonly Step[];
  readonly rescue: readonly Step[];
  readonly always: readonly Step[];
}

export interface Task extends StepCommon {
  readonly kind: 'task';
  /** May hold `{{ }}`. Without `name:` the module's name. */
  readonly name: Located<string>;
  /** What it was called before, in journals of then. */
  readonly formerly: readonly string[];
  /** Full module name, `fs.copy`; or `meta` with `args.value.value` one of `'flush_handlers' | 'end_play' | 'noop'`. */
  readonly module: string;
  /** The module's params as written (a free-form string already under its param's name). */
  readonly args: Located<Readonly<Record<string, unknown>>>;
  readonly register: string | undefined;
  readonly loop: Located | undefined;
  readonly loopControl: {
    readonly loopVar: string;
    readonly indexVar?: string | undefined;
    readonly label?: Located<string> | undefined;
    readonly pauseMs?: number | undefined;
  };
  readonly until: readonly Condition[];
  readonly retries: Located<number | string> | undefined;
  readonly delay: Located<number | string> | undefined;
  readonly timeout: Located<number | string> | undefined;
  readonly changedWhen: readonly Condition[] | undefined;
  readonly failedWhen: readonly Condition[] | undefined;
  readonly notify: readonly Located<string>[];
  /** Handlers: other names they answer to. */
  readonly listen: readonly string[];
  /** Where `check_mode: false` is written: the author says that the task only looks, and so runs in check mode. */
  readonly saidHarmless: SourcePosition | undefined;
}
