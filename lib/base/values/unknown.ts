/**
 * The third value of check mode: what only a real run could tell. It flows through `register` and `when`,
 * is shown as `(unknown until the run)`, and is never an empty string and never a success.
 */
export class Unknown {
  /** Why it is not known: `result of "Promote"`. */
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }

  toString(): string {
    return `(unknown until the run: ${this.why})`;
  }

  toJSON(): { readonly unknown: string } {
    return { unknown: this.why };
  }
}

/** Whether a value is, or holds anywhere inside, something unknown; the first one found. */
export function findUnknown(value: unknown, depth = 0): Unknown | undefined {
  if (value instanceof Unknown) return value;
  if (value === null || typeof value !== 'object' || depth > 20) return undefined;
  for (const inner of Object.values(value)) {
    const found = findUnknown(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Thrown where only a known value will do and check mode has none: the task's outcome is then unknown. */
export class UnknownReached extends Error {
  readonly unknown: Unknown;

  constructor(unknown: Unknown) {
    super(unknown.why);
    this.unknown = unknown;
  }
}
