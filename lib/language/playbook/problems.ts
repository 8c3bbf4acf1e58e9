import { PitrError, type PitrErrorJson, type SourcePosition } from '../../base/errors/pitr-error.ts';
import { frameOf } from '../yaml/frame.ts';

/** One thing that is wrong with a playbook. */
export interface Problem {
  /** Stable name, kebab-case. */
  readonly code: string;
  /** One sentence. */
  readonly message: string;
  readonly at?: SourcePosition | undefined;
  /** What exists instead, or what to write. */
  readonly hints?: readonly string[] | undefined;
}

const SHOWN = 20;

/** Everything that is wrong with a playbook, at once; kind `validation`. One detail a problem, with its source frame. */
export class PlaybookProblems extends PitrError {
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    super(factsOf(file, problems));
    this.problems = problems;
  }

  override toJSON(): PitrErrorJson & { readonly problems: readonly Problem[] } {
    return { ...super.toJSON(), problems: this.problems };
  }
}

function factsOf(file: string, problems: readonly Problem[]): ConstructorParameters<typeof PitrError>[0] {
  const [only, ...others] = problems;
  if (only !== undefined && others.length === 0) {
    return {
      kind: 'validation',
      code: only.code,
      message: only.message,
      at: only.at,
      // Whoever shows an error with a place shows the line there too.
      details: only.hints ?? [],
    };
  }
  const more = problems.length - SHOWN;
  return {
    kind: 'validation',
    code: 'playbook-invalid',
    message: `${problems.length} problems in ${file}`,
    details: [...problems.slice(0, SHOWN).map(problemText), ...(more > 0 ? [`... and ${more} more`] : [])],
  };
}

/** A problem as the operator reads it: where, what, the line with a caret, what to write instead. */
export function problemText(problem: Problem): string {
  return [
    `${problem.at === undefined ? '' : `${positionText(problem.at)}: `}${problem.message}`,
    ...frameLines(problem),
    ...(problem.hints ?? []).map((hint) => `  ${hint}`),
  ].join('\n');
}

/** The source around a problem; what a lower layer already framed is not framed again. */
function frameLines({ at, hints }: Problem): readonly string[] {
  return at === undefined || hints?.some((hint) => /^ *\|? *\^$|\| +\^/.test(hint)) ? [] : frameOf(at);
}

function positionText(at: SourcePosition): string {
  return `${at.file}:${at.line}:${at.column}`;
}

/** Collects problems while a playbook is read, so that all are told at once. */
export class ProblemList {
  readonly #problems: Problem[] = [];

  get isEmpty(): boolean {
    return this.#problems.length === 0;
  }

  add(problem: Problem): void {
    this.#problems.push(problem);
  }

  /** Takes a `validation` error of a lower layer as a problem; throws anything else. */
  take(error: unknown, at?: SourcePosition): void {
    if (!(error instanceof PitrError) || error.kind !== 'validation') throw error;
    this.add({
      code: error.code,
      message: error.message,
      at: error.at ?? at,
      hints: [...error.details, ...error.next],
    });
  }

  /**
   * In the order of the files and lines; what is said several times, with the same advice, is said once, with the other lines
   * named.
   */
  all(): readonly Problem[] {
    const files = [...new Set(this.#problems.map((problem) => problem.at?.file))];
    const sorted = this.#problems.toSorted(
      (a, b) =>
        files.indexOf(a.at?.file) - files.indexOf(b.at?.file) ||
        (a.at?.line ?? 0) - (b.at?.line ?? 0) ||
        (a.at?.column ?? 0) - (b.at?.column ?? 0),
    );
    const groups = new Map<string, Problem[]>();
    for (const problem of sorted) {
      const key = JSON.stringify([problem.code, problem.message, problem.hints ?? []]);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [problem]);
      else group.push(problem);
    }
    return [...groups.values()].flatMap(([first, ...again]) =>
      first === undefined ? [] : [withOtherPlaces(first, again)],
    );
  }

  throwIfAny(file: string): void {
    if (!this.isEmpty) throw new PlaybookProblems(file, this.all());
  }
}

function withOtherPlaces(problem: Problem, again: readonly Problem[]): Problem {
  const own = problem.at === undefined ? '' : positionText(problem.at);
  const places = [...new Set(again.map((other) => (other.at === undefined ? '' : positionText(other.at))))]
    .filter((place) => place !== '' && place !== own)
    .map((place) => (place.startsWith(`${problem.at?.file}:`) ? `line ${place.split(':').at(-2)}` : place));
  if (places.length === 0) return problem;
  const named = places.slice(0, 5).join(', ');
  const rest = places.length > 5 ? ` and ${places.length - 5} more` : '';
  return { ...problem, hints: [...(problem.hints ?? []), `also at ${named}${rest}`] };
}
