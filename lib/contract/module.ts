import type { z } from 'zod';
import type { PitrError } from '../base/errors/pitr-error.ts';
import type { Effect } from './effects.ts';
import type { ReadHost, WriteHost } from './host.ts';
import type { Prediction } from './resource.ts';

/** What surrounds a module while it works on a host: all that an undo has, days later and from the journal alone. */
export interface WorkContext {
  /** The run's id: names what is kept aside on hosts. */
  readonly runId: string;
  /** Who is at work, and from where: `root@backup1`. */
  readonly operator: string;
  /** Aborted when the operator stops the run or the task's own deadline passes. */
  readonly signal: AbortSignal;
  /** Tells the operator how far a long task is. */
  progress(text: string, data?: Readonly<Record<string, unknown>>): void;
  /** Live output of a command. */
  output(stream: 'stdout' | 'stderr', text: string): void;
  /** Something the operator should know, that is not a failure. */
  warn(text: string): void;
  /** Keeps something for the rest of the run, or of the undo: it is proved before each change and let go of at the end. */
  hold(holder: Holder): void;
  /** What the run keeps under this name. */
  held(name: string): Holder | undefined;
}

/** What surrounds a task of a playbook, beside that: files and templates that lie with the playbook, and the operator. */
export interface TaskContext extends WorkContext {
  /** A controller file named in a playbook: relative to the playbook, then to its `files/`. Throws kind `validation`. */
  file(path: string): Promise<ControllerFile>;
  /** Renders a template file (relative to the playbook, its `templates/`, then the product's own) with the task's variables. */
  render(path: string, extra?: Readonly<Record<string, unknown>>): Promise<string>;
  /**
   * Whether a text holds a secret, one that is known here or one beside its name: the journal would hold its mask, and no
   * undo could write it. What stands beside its name is known from then on.
   */
  holdsSecret(text: string): boolean;
  /** Asks the operator. Answered by `--yes`, by a person, or refused where there is nobody to ask. */
  ask(question: Question): Promise<boolean>;
}

/** Something that a run keeps until it ends, and without which it may not go on: a lock. */
export interface Holder {
  /** Known by this name in the run. */
  readonly name: string;
  /** Resolves with the reason when it is lost; pending as long as it is not. */
  readonly lost: Promise<PitrError>;
  /** Resolves when it is proved to be held still, by a proof that is seconds old at most. Throws the reason when it is not. */
  prove(): Promise<void>;
  /** The run is over. */
  release(ending: HolderEnding): Promise<void>;
}

/**
 * How a run ended that held something. `done`: well; `unchanged`: not well, but before its first change since it holds
 * this; `unfinished`: not well, and changes stand (`how` in a word: `failed`, `interrupted`).
 */
export type HolderEnding =
  | { readonly kind: 'done' | 'unchanged' }
  | { readonly kind: 'unfinished'; readonly how: string };

export interface Question {
  readonly text: string;
  /** What a person must know before they answer. */
  readonly details?: readonly string[];
  /** Yes has to be said by typing this very word: for what nothing leads back from. */
  readonly word?: string;
  /** What is true as long as it is not answered with yes: told when a person leaves by Ctrl-C. */
  readonly unanswered?: string;
}

export interface ControllerFile {
  readonly path: string;
  readonly size: number;
  sha256(): Promise<string>;
  bytes(): Promise<Uint8Array>;
}

/** What `register` sees beside `changed`, `failed` and `skipped`: plain data. */
export type Result = Readonly<Record<string, unknown>>;

/** A difference for `--diff`; secrets are masked by the reader. */
export interface Diff {
  /** What differs: a path, a setting. */
  readonly subject: string;
  readonly before: string;
  readonly after: string;
}

/**
 * The change that leads from the present state to the wanted one. Plain JSON: it goes into the journal, and `undo`
 * must be able to work from it alone, days later and from another machine.
 */
export interface Change {
  /** In the operator's words, present tense: `move /a to /b`. */
  readonly summary: string;
  readonly diff?: readonly Diff[] | undefined;
  /**
   * What only `apply` needs (the text of a file, a command): it is in no journal, and no undo is given it, so a secret in it
   * is never missed.
   */
  readonly forApply?: unknown;
}

/** A change as the journal holds it: secrets masked, and without what only `apply` needs. */
export type Journalled<C extends Change> = C extends unknown ? Omit<C, 'forApply'> : never;

/** A change of the same run that is taken back before another one. */
export interface NewerChange {
  readonly host: string;
  readonly change: Journalled<Change>;
  readonly effects: readonly Effect[];
}

interface Described<P> {
  /** One line. */
  readonly summary: string;
  /** More, where needed: semantics, sources (the manual's section). */
  readonly description?: string;
  /** YAML of tasks, as one would write them. */
  readonly examples: string;
  readonly params: z.ZodType<P>;
  /** The param that a plain string under the module's key is taken for. */
  readonly freeForm?: string;
  /**
   * Words that such a string may hold as `word=value` for another param (`creates=/srv/done`), each with that param; or
   * with what to write instead, where there is none.
   */
  readonly freeFormWords?: Readonly<Record<string, string | { readonly instead: string }>>;
  /** What `register` sees: name to one-line description. */
  readonly returns?: Readonly<Record<string, string>>;
}

/**
 * A module that only looks (a backup's details, a query), waits for something, or refuses.
 *
 * `wait` modules (`awaits: true`) have a deadline of their own, report progress, and say at the end what they last saw.
 */
export interface LookModule<P, R extends Result> extends Described<P> {
  readonly kind: 'look';
  readonly awaits?: true;
  /**
   * The resources whose state the answer depends on, so that check mode can tell when it cannot know: when an
   * earlier task would have changed one, the result is unknown instead of wrong.
   */
  readonly dependsOn?: (params: P) => readonly ResourceRef[];
  readonly read: (host: ReadHost, params: P, context: TaskContext) => Promise<R>;
}

/** A module that needs no host at all: `assert`, `set_fact`, `debug`, `fail`, `confirm`. */
export interface ControlModule<P, R extends Result> extends Described<P> {
  readonly kind: 'control';
  /**
   * Which variables the `facts` of its result set, by the params as they are written (no template rendered, no default filled
   * in), so that a playbook can be checked before the run. `anything`, and a module that does not say: no variable of a
   * later task is taken for undefined.
   */
  readonly sets?: (written: Readonly<Record<string, unknown>>) => readonly string[] | 'anything';
  /** `facts` in the result become variables of the host. Throws `PitrError` to fail. */
  readonly run: (
    params: P,
    context: TaskContext & { readonly check: boolean; readonly dryRun: boolean },
  ) => Promise<R & { readonly facts?: Result }>;
}

/** A module that may change a host: read, plan, apply, undo. */
export interface ChangeModule<P, S, C extends Change, R extends Result> extends Described<P> {
  readonly kind: 'change';
  /** The present state of the resource that the task is about. */
  readonly read: (host: ReadHost, params: P, context: TaskContext) => Promise<S>;
  /** Pure: the change from this state to the wanted one, or nothing. Throws `PitrError` to refuse. */
  readonly plan: (state: S, params: P) => C | undefined;
  /** What `register` sees when there was nothing to change. */
  readonly unchanged?: (state: S, params: P) => R;
  /**
   * Pure: what later tasks would find and `register` would see, for check mode, as far as effects cannot say it. They are
   * JSON for people and journals, and say that something has moved, or is not what it was (then it is unknown to later
   * tasks); what is laid over a look is the typed state of a resource. That may depend on what was read (a restarted
   * server is what it was, but for its mode), may change one part of what all hosts share (a member of a cluster), and is
   * of no use once the change was made.
   */
  readonly predict?: (change: C, state: S, params: P) => Foresight;
  readonly apply: (host: WriteHost, change: C, params: P, context: TaskContext) => Promise<R>;
  /**
   * Takes the change back from the journalled change alone; or says why it cannot be. Must be safe to run twice. Also how
   * `pitr commit` lets go of what lasts `until commit`.
   */
  readonly undo:
    | ((host: WriteHost, change: Journalled<C>, context: WorkContext) => Promise<void>)
    | CannotUndo;
  /**
   * Refuses what `undo` would refuse: asked of all changes before the first one is taken back, so that a refusal changes
   * nothing. It refuses nothing that a newer change, taken back before this one, may still alter (`mayTouch`): that is for
   * `undo` itself, when it comes to it.
   */
  readonly mayUndo?: (
    host: ReadHost,
    change: Journalled<C>,
    context: WorkContext,
    newer: readonly NewerChange[],
  ) => Promise<void>;
  /**
   * What `undo` will do, line by line, from the parts of the change that it works from: a command, a path. Shown before
   * anybody consents, for the summary may say something else.
   */
  readonly undoShown?: (change: Journalled<C>) => readonly string[];
  /** Where it depends on the params (a command with `undo:`): true, or the reason why not. */
  readonly undoable?: (params: P) => true | string;
  /** Pure: hosts beside its own that the change writes to. Before it a run writes down which machines they are, too. */
  readonly elsewhere?: (change: Journalled<C>) => readonly string[];
  /** Pure: what the change leaves behind that something else may rest on. Nothing where it only writes what it says. */
  readonly effects?: (change: Journalled<C>) => readonly Effect[];
  /**
   * Pure: what of the params the module puts on a command line, where every user of the host can read it. A secret there
   * is warned of before the task begins, in a check and a dry run too.
   */
  readonly commandLine?: (params: P) => readonly string[];
  /**
   * Makes the effects true again, where they have been lost or somebody has gone back on them since: what pitr holds
   * before anything of the run is taken back, and what newer changes of its host were made on before those are.
   */
  readonly again?: (host: WriteHost, change: Journalled<C>, context: WorkContext) => Promise<void>;
  /**
   * `end`: what its commands have left at work when the controller died in the middle is ended before the run is
   * resumed or undone. Never for a module whose commands start what is to stay.
   */
  readonly orphans?: 'end';
  /**
   * That there is nothing to do is told by what the author of a task names (`creates`), and not by the state that the change
   * brings about: it says so of a change that was broken off half-way, too, and that is warned of.
   */
  readonly guards?: true;
}

export interface CannotUndo {
  readonly impossible: string;
}

export interface ResourceRef {
  readonly kind: string;
  readonly id: string;
}

export interface Foresight {
  readonly resources?: readonly Prediction[];
  readonly result?: Result;
}

/** A module as the engine holds it, its types erased. */
export type AnyModule =
  | LookModule<unknown, Result>
  | ControlModule<unknown, Result>
  | ChangeModule<unknown, unknown, Change, Result>;

export function defineLook<P, R extends Result>(module: Omit<LookModule<P, R>, 'kind'>): LookModule<P, R> {
  return { kind: 'look', ...module };
}

export function defineControl<P, R extends Result>(
  module: Omit<ControlModule<P, R>, 'kind'>,
): ControlModule<P, R> {
  return { kind: 'control', ...module };
}

export function defineModule<P, S, C extends Change, R extends Result>(
  module: Omit<ChangeModule<P, S, C, R>, 'kind'>,
): ChangeModule<P, S, C, R> {
  return { kind: 'change', ...module };
}
