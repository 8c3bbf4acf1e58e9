/** A place in a file that the operator can open. Line and column are 1-based. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What a command that failed left behind, as evidence for the reader of the error. */
export interface CommandEvidence {
  /** The command as one would type it, secrets masked. */
  readonly command: string;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly timedOut?: boolean;
  /** The end of stderr (or of stdout where stderr was silent). */
  readonly stderr?: string;
}

/**
 * What sort of failure it is; each kind has an exit code of its own (see `EXIT_CODES`).
 *
 * - `usage`: the command line makes no sense
 * - `validation`: a playbook, inventory, template or variable is wrong; no host was contacted
 * - `unreachable`: a host could not be contacted, or the connection was lost
 * - `failed`: a task ran on a host and failed
 * - `refused`: a safety check said no; nothing was changed by the task that refused
 * - `interrupted`: the operator stopped the run, or said no at a question
 * - `bug`: pitr itself is wrong
 */
export type ErrorKind = 'usage' | 'validation' | 'unreachable' | 'failed' | 'refused' | 'interrupted' | 'bug';

/** The process exit code of each kind of failure; 2 and 4 are Ansible's. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  bug: 1,
  failed: 2,
  validation: 3,
  unreachable: 4,
  refused: 5,
  usage: 64,
  interrupted: 130,
};

export interface PitrErrorFacts {
  readonly kind: ErrorKind;
  /** Stable name of this very error, kebab-case, for scripts and docs: `backup-unknown`. */
  readonly code: string;
  /** One sentence: the reason first, then the subject. */
  readonly message: string;
  /** More lines: what exists instead, the valid range, causes. */
  readonly details?: readonly string[] | undefined;
  readonly host?: string | undefined;
  readonly task?: string | undefined;
  readonly at?: SourcePosition | undefined;
  readonly evidence?: CommandEvidence | undefined;
  /** What is now true on the hosts, where it matters. */
  readonly state?: string | undefined;
  /** What to do next: commands to type, or words where there is no command. */
  readonly next?: readonly string[] | undefined;
  /** What `register` and `failed_when` see of a task that failed: the output of its command, for one. */
  readonly result?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** The one error type of pitr. Thrown across layers; inside the engine it is a value per host. */
export class PitrError extends Error {
  override readonly name = 'PitrError';
  readonly kind: ErrorKind;
  readonly code: string;
  readonly details: readonly string[];
  readonly host: string | undefined;
  readonly task: string | undefined;
  readonly at: SourcePosition | undefined;
  readonly evidence: CommandEvidence | undefined;
  readonly state: string | undefined;
  readonly next: readonly string[];
  readonly result: Readonly<Record<string, unknown>> | undefined;

  constructor(facts: PitrErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.kind = facts.kind;
    this.code = facts.code;
    this.details = facts.details ?? [];
    this.host = facts.host;
    this.task = facts.task;
    this.at = facts.at;
    this.evidence = facts.evidence;
    this.state = facts.state;
    this.next = facts.next ?? [];
    this.result = facts.result;
  }

  /**
   * The same error with facts that only an outer layer knows; what is already known wins. Details come after its own, and so do
   * `ways`, after what is to be done next.
   */
  with({
    ways = [],
    ...facts
  }: Partial<Pick<PitrErrorFacts, 'host' | 'task' | 'at' | 'state' | 'next' | 'details'>> & {
    readonly ways?: readonly string[];
  }): PitrError {
    return new PitrError({
      kind: this.kind,
      code: this.code,
      message: this.message,
      details: [...this.details, ...(facts.details ?? [])],
      host: this.host ?? facts.host,
      task: this.task ?? facts.task,
      at: this.at ?? facts.at,
      evidence: this.evidence,
      state: this.state ?? facts.state,
      next: [...(this.next.length > 0 ? this.next : (facts.next ?? [])), ...ways],
      result: this.result,
      cause: this.cause,
    });
  }

  /** What `--output json` and the journal write. */
  toJSON(): PitrErrorJson {
    return {
      kind: this.kind,
      code: this.code,
      message: this.message,
      ...(this.details.length > 0 ? { details: this.details } : {}),
      ...(this.host === undefined ? {} : { host: this.host }),
      ...(this.task === undefined ? {} : { task: this.task }),
      ...(this.at === undefined ? {} : { at: this.at }),
      ...(this.evidence === undefined ? {} : { evidence: this.evidence }),
      ...(this.state === undefined ? {} : { state: this.state }),
      ...(this.next.length > 0 ? { next: this.next } : {}),
    };
  }
}

/** The JSON form of a `PitrError`: what `--output json` documents. */
export interface PitrErrorJson {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly details?: readonly string[];
  readonly host?: string;
  readonly task?: string;
  readonly at?: SourcePosition;
  readonly evidence?: CommandEvidence;
  readonly state?: string;
  readonly next?: readonly string[];
}

/**
 * Any thrown value as a `PitrError`. What the system of the controller has refused (no permission, no file, no room) is told in
 * its words; all else that is not one already is a bug of pitr, with its stack as detail.
 */
export function asPitrError(thrown: unknown): PitrError {
  if (thrown instanceof PitrError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if ('syscall' in error && 'code' in error && typeof error.code === 'string')
    return new PitrError({
      kind: 'failed',
      code: 'system-error',
      message: `this machine says: ${error.message}`,
      next: ['Mend that here, where pitr was started, and go on.'],
      cause: thrown,
    });
  return new PitrError({
    kind: 'bug',
    code: 'unexpected-error',
    message: `unexpected error: ${error.message}`,
    details: (error.stack ?? '')
      .split('\n')
      .slice(1, 6)
      .map((line) => line.trim()),
    next: ['Please report this with the details above; run again with -v to see more.'],
    cause: thrown,
  });
}
