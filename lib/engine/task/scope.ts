import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import { isSecretName } from '../../base/values/secret-names.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { undefinedVariable, type VariableRef } from '../../language/expression/variables.ts';
import { refuseJinjaStatements } from '../../language/template/parse.ts';
import { parseTemplate } from '../../language/template/template.ts';
import type { Located } from '../../language/yaml/located.ts';

/** One level of variables. `templates` are rendered when used; `data` (results, facts, `-e`) never is. */
export type Layer =
  | {
      readonly kind: 'templates';
      readonly get: (name: string) => Located | undefined;
      readonly names: () => Iterable<string>;
    }
  | {
      readonly kind: 'data';
      readonly get: (name: string) => unknown;
      readonly names: () => Iterable<string>;
    };

/** `{{ omit }}`: the param is left out, as if it had not been written. */
export const OMIT = Symbol('omit');

export function templatesLayer(
  vars: Readonly<Record<string, Located>> | ReadonlyMap<string, Located>,
): Layer {
  const map: ReadonlyMap<string, Located> = vars instanceof Map ? vars : new Map(Object.entries(vars));
  return { kind: 'templates', get: (name) => map.get(name), names: () => map.keys() };
}

export function dataLayer(values: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>): Layer {
  const map: ReadonlyMap<string, unknown> = values instanceof Map ? values : new Map(Object.entries(values));
  return { kind: 'data', get: (name) => map.get(name), names: () => map.keys() };
}

/**
 * The variables that one task on one host can see. Later layers win. A variable is rendered when it is first used,
 * so variables may refer to each other in any order; a circle is an error that names it.
 */
export class Scope {
  readonly #layers: readonly Layer[];
  readonly #masker: Masker | undefined;
  readonly #values = new Map<string, unknown>();
  readonly #resolving: string[] = [];

  /** `masker` learns what is a secret among the values that are rendered here. */
  constructor(layers: readonly Layer[], masker?: Masker) {
    this.#layers = layers;
    this.#masker = masker;
  }

  /** The same scope with more layers on top. */
  with(...layers: readonly Layer[]): Scope {
    return new Scope([...this.#layers, ...layers], this.#masker);
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  names(): Set<string> {
    const all = new Set<string>();
    for (const layer of this.#layers) for (const name of layer.names()) all.add(name);
    return all;
  }

  /** The value of a variable, rendered; `undefined` where there is none of that name. */
  get(name: string): unknown {
    if (this.#values.has(name)) return this.#values.get(name);
    const found = this.#find(name);
    if (found === undefined) return undefined;
    const value = found.kind === 'data' ? found.value : this.#resolve(name, found.located);
    // Data was looked through when it came; what a template makes is known only here.
    if (found.kind === 'templates' || isSecretName(name)) this.#masker?.learnRendered({ [name]: value });
    this.#values.set(name, value);
    return value;
  }

  /** Renders every `{{ }}` inside a value; parts that are `{{ omit }}` are left out. Throws kind `validation`. */
  render(value: unknown, locate: (path: readonly (string | number)[]) => SourcePosition): unknown {
    return this.#render(value, [], locate);
  }

  renderLocated(located: Located): unknown {
    return this.render(located.value, (path) => located.locate(path));
  }

  /** Just the variables that a template or condition names: plain data for it to be evaluated with. */
  contextFor(variables: readonly VariableRef[]): Record<string, unknown> {
    const context: Record<string, unknown> = {};
    for (const { name, optional, at } of variables) {
      if (Object.hasOwn(context, name)) continue;
      if (!this.has(name)) {
        if (optional) continue;
        throw undefinedVariable(name, [...this.names()], at, undefined, [
          `Set it in the inventory, in "vars:", or with -e ${name}=...`,
        ]);
      }
      context[name] = this.get(name);
    }
    return context;
  }

  #find(
    name: string,
  ):
    | { readonly kind: 'data'; readonly value: unknown }
    | { readonly kind: 'templates'; readonly located: Located }
    | undefined {
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      const layer = this.#layers[i];
      if (layer?.kind === 'data') {
        const value = layer.get(name);
        if (value !== undefined) return { kind: 'data', value };
      } else if (layer !== undefined) {
        const located = layer.get(name);
        if (located !== undefined) return { kind: 'templates', located };
      }
    }
    return undefined;
  }

  #resolve(name: string, located: Located): unknown {
    if (this.#resolving.includes(name)) {
      const circle = [...this.#resolving.slice(this.#resolving.indexOf(name)), name].join(' -> ');
      throw new PitrError({
        kind: 'validation',
        code: 'variable-circle',
        message: `variable "${name}" is defined by itself: ${circle}`,
        at: located.at,
      });
    }
    this.#resolving.push(name);
    try {
      return this.renderLocated(located);
    } finally {
      this.#resolving.pop();
    }
  }

  #render(
    value: unknown,
    path: readonly (string | number)[],
    locate: (path: readonly (string | number)[]) => SourcePosition,
  ): unknown {
    if (typeof value === 'string') {
      if (!value.includes('{{')) {
        refuseJinjaStatements(value, locate(path));
        return value;
      }
      const template = parseTemplate(value, locate(path));
      if (template.isConstant) return template.render({});
      return template.render(this.contextFor(template.variables));
    }
    if (Array.isArray(value)) {
      return value.map((item, i) => this.#render(item, [...path, i], locate)).filter((item) => item !== OMIT);
    }
    if (
      value !== null &&
      typeof value === 'object' &&
      !(value instanceof Unknown) &&
      Object.getPrototypeOf(value) === Object.prototype
    ) {
      const out: Record<string, unknown> = {};
      for (const [key, inner] of Object.entries(value)) {
        const rendered = this.#render(inner, [...path, key], locate);
        if (rendered !== OMIT) out[key] = rendered;
      }
      return out;
    }
    return value;
  }
}
