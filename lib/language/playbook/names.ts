import type { SourcePosition } from '../../base/errors/pitr-error.ts';

/** The names of the variables that one place of a playbook can see: its own and those of what is around it. */
export class Names {
  readonly #own: ReadonlySet<string>;
  readonly #outer: Names | undefined;
  readonly #more: { readonly open?: boolean; readonly later?: ReadonlyMap<string, SourcePosition> };

  /**
   * `open`: variables that cannot be known before the run are in sight (a `vars_files` with `{{ }}` in its name), so
   * every name counts as defined. `later`: names that will be defined, for messages. A `Set` may still grow.
   */
  constructor(
    own: Iterable<string>,
    outer?: Names,
    more: { readonly open?: boolean; readonly later?: ReadonlyMap<string, SourcePosition> } = {},
  ) {
    this.#own = own instanceof Set ? own : new Set(own);
    this.#outer = outer;
    this.#more = more;
  }

  has(name: string): boolean {
    return this.#more.open === true || this.#own.has(name) || this.#outer?.has(name) === true;
  }

  /** Where a name that is not seen here is defined further on. */
  later(name: string): SourcePosition | undefined {
    return this.#more.later?.get(name) ?? this.#outer?.later(name);
  }

  /** What is seen from further in, where these are defined too. A `Set` may still grow. */
  with(own: Iterable<string>): Names {
    return new Names(own, this);
  }

  all(): ReadonlySet<string> {
    const all = new Set(this.#own);
    for (const name of this.#outer?.all() ?? []) all.add(name);
    return all;
  }
}
