/** The names of the variables that one place of a playbook can see: its own and those of what is around it. */
export class Names {
  readonly #own: ReadonlySet<string>;
  readonly #outer: readonly Names[];
  /** Variables that cannot be known before the run are in sight (a `vars_files` with `{{ }}` in its name). */
  readonly #open: boolean;

  constructor(own: Iterable<string>, outer: readonly Names[] = [], open = false) {
    this.#own = own instanceof Set ? own : new Set(own);
    this.#outer = outer;
    this.#open = open;
  }

  has(name: string): boolean {
    return this.#open || this.#own.has(name) || this.#outer.some((names) => names.has(name));
  }

  /** What is seen from further in, where these are defined too. A `Set` may still grow. */
  with(...levels: readonly Iterable<string>[]): Names {
    return levels.reduce<Names>((outer, own) => new Names(own, [outer]), this);
  }

  all(): ReadonlySet<string> {
    const all = new Set(this.#own);
    for (const names of this.#outer) for (const name of names.all()) all.add(name);
    return all;
  }
}
