import type { PitrError, SourcePosition } from '../../base/errors/pitr-error.ts';
import { Secret } from '../../base/values/secret.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { undefinedVariable } from '../expression/variables.ts';
import { positionInText } from '../yaml/position.ts';
import { isScoped, type Location, type PathExpression, type Program } from './ast.ts';
import { kindOf } from './helper.ts';
import { TouchedUnknown } from './open.ts';
import { templateError } from './parse.ts';

/** One level of `each` or `with`. */
export interface Frame {
  readonly value: unknown;
  readonly parent: Frame | undefined;
  /** `@index`, `@key`, `@first`, `@last`. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly bound: ReadonlyMap<string, unknown>;
}

interface Start {
  readonly value: unknown;
  /** What the value is called in messages; nothing for a context, whose parts are variables. */
  readonly name: string | undefined;
  readonly rest: readonly string[];
  /** The level whose parts are looked at, where it is one. */
  readonly frame: Frame | undefined;
}

/** Finds what a path names, own properties of plain data only, and words the errors of what is not there. */
export class Names {
  readonly root: Frame;
  readonly #at: SourcePosition | undefined;

  constructor(context: Readonly<Record<string, unknown>>, at: SourcePosition | undefined) {
    this.root = { value: context, parent: undefined, data: {}, bound: new Map() };
    this.#at = at;
  }

  /** The value of a path; `undefined` for what is missing, which only `optional` places allow. */
  path(path: PathExpression, frame: Frame, optional: boolean): unknown {
    const start = this.#start(path, frame);
    let value = start.value;
    let walked = start.name;
    for (const part of start.rest) {
      value = this.step(value, part, { walked, loc: path.loc, optional, frame: start.frame });
      walked = walked === undefined ? part : `${walked}.${part}`;
    }
    if (value === undefined && !optional)
      throw this.#missing(path.original, [], path.loc, undefined, undefined);
    return value;
  }

  /** Where a path begins: a block param, loop data, or the context so many levels out. */
  #start(path: PathExpression, frame: Frame): Start {
    const [first, ...rest] = path.parts;
    if (path.data) {
      if (first === 'root') return { value: this.root.value, name: undefined, rest, frame: this.root };
      const holder = outer(frame, path.depth);
      return { value: holder?.data, name: '@', rest: path.parts, frame: undefined };
    }
    if (path.depth === 0 && first !== undefined && !isScoped(path)) {
      for (let here: Frame | undefined = frame; here !== undefined; here = here.parent) {
        if (here.bound.has(first))
          return { value: here.bound.get(first), name: first, rest, frame: undefined };
      }
    }
    const holder = outer(frame, path.depth);
    if (holder === undefined)
      throw this.error('template-syntax', `"${path.original}" leads out of the outermost level`, path.loc);
    return { value: holder.value, name: undefined, rest: path.parts, frame: holder };
  }

  /** One part of a value. */
  step(
    value: unknown,
    part: string,
    {
      walked,
      loc,
      optional,
      frame,
    }: {
      /** The path so far, as it is written. */
      readonly walked: string | undefined;
      readonly loc: Location;
      /** What is not there is undefined, and no error. */
      readonly optional: boolean;
      readonly frame?: Frame | undefined;
    },
  ): unknown {
    if (value instanceof Unknown) throw new TouchedUnknown(value);
    const holder =
      value !== null && typeof value === 'object' && !(value instanceof Secret) ? value : undefined;
    if (holder !== undefined && Object.hasOwn(holder, part)) {
      const found: unknown = Reflect.get(holder, part);
      if (found !== undefined) return found;
    }
    if (optional) return undefined;
    if (holder !== undefined) throw this.#missing(part, Object.keys(holder), loc, walked, frame);
    const what = value instanceof Secret ? 'a secret text' : kindOf(value);
    const message = `"${walked ?? 'this'}" is ${what} and has no "${part}"`;
    throw this.error('undefined-variable', message, loc, this.#outsideHint(part, walked, frame));
  }

  #missing(
    name: string,
    known: readonly string[],
    loc: Location,
    holder: string | undefined,
    frame: Frame | undefined,
  ): PitrError {
    const hint = this.#outsideHint(name, holder, frame);
    const shown = holder === undefined && frame !== undefined && frame !== this.root ? 'this' : holder;
    return undefinedVariable(name, known, this.#position(loc), shown, hint === undefined ? [] : [hint]);
  }

  /** How a variable of an outer level is written inside a block that looks at its own item first. */
  #outsideHint(name: string, holder: string | undefined, frame: Frame | undefined): string | undefined {
    if (holder !== undefined || frame === undefined || frame === this.root) return undefined;
    const levels = levelsOut(frame, name);
    return levels === undefined ? undefined : `Inside a block that is ${'../'.repeat(levels)}${name}.`;
  }

  error(code: string, message: string, loc: Location, hint?: string): PitrError {
    return templateError(code, message, this.#position(loc), [hint]);
  }

  #position(loc: Location): SourcePosition | undefined {
    return this.#at === undefined
      ? undefined
      : positionInText(this.#at, loc.start.line, loc.start.column + 1);
  }
}

/** The level that a block enters, with what its `as |a b|` binds. */
export function enter(
  program: Program | undefined,
  parent: Frame,
  value: unknown,
  data: Readonly<Record<string, unknown>>,
  params: readonly unknown[],
): Frame {
  const bound = new Map((program?.blockParams ?? []).map((name, index) => [name, params[index]]));
  return { value, parent, data, bound };
}

function outer(frame: Frame, levels: number): Frame | undefined {
  let here: Frame | undefined = frame;
  for (let i = 0; i < levels; i++) here = here?.parent;
  return here;
}

function levelsOut(frame: Frame, name: string): number | undefined {
  let levels = 0;
  for (let here: Frame | undefined = frame; here !== undefined; here = here.parent, levels++) {
    if (here.value !== null && typeof here.value === 'object' && Object.hasOwn(here.value, name))
      return levels;
  }
  return undefined;
}
