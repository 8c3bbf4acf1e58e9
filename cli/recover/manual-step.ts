import type { Node, Site } from './nodes.ts';

/** What prepare.yml left. */
export interface Prepared {
  readonly runId: string;
  readonly host: string;
  readonly directory: string;
  readonly owner: string;
  readonly server: string;
  readonly backup: string;
  readonly systemId: string;
  /** The target in words. */
  readonly words: string;
  /** Recovery pauses at the target; latest has none. */
  readonly stops: boolean;
  readonly timeline: number;
  /** Of PostgreSQL. */
  readonly major: number;
  /** Settings that were raised for the replay, with what the backup itself said of them: empty where it said nothing. */
  readonly raised: Readonly<Record<string, string>>;
}

/** A command of a step, with what it must answer where that proves something. */
export interface StepCommand {
  readonly host: string;
  /** To be copied. */
  readonly typed: string;
  readonly proof?: {
    /** In words. */
    readonly expected: string;
    /** What its output must match. */
    readonly output?: string;
    readonly exitCode?: number;
    /** It may take a while: ask again until it is so. */
    readonly wait?: true;
  };
}

export interface ManualStep {
  readonly title: string;
  readonly notes: readonly string[];
  readonly commands: readonly StepCommand[];
}

/** The steps in three parts: up to the look at the data, the way back from there, and the way on. */
export interface ManualSteps {
  readonly apply: readonly ManualStep[];
  readonly back: readonly ManualStep[];
  readonly takeOver: readonly ManualStep[];
}

export interface ManualPlan {
  readonly site: Site;
  readonly node: Node;
  /** Who leads now, where that is known. */
  readonly leader: string | undefined;
  readonly prepared: Prepared;
  /** The words that give again what the run was given in secret. */
  readonly secrets: readonly string[];
}
