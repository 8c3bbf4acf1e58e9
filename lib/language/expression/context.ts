import { Secret } from '../../base/values/secret.ts';
import { findUnknown, Unknown } from '../../base/values/unknown.ts';
import type { Reference } from './references.ts';

type Context = Readonly<Record<string, unknown>>;
type Path = readonly string[];

/** What an expression is evaluated with: only what it reads, as plain data. */
export interface PlainContext {
  readonly values: Context;
  /** The first unknown thing that was left out. An evaluation that fails then failed because of it. */
  readonly unknown: Unknown | undefined;
  /** A secret was revealed: no error may quote a value. */
  readonly secret: boolean;
}

/** Under this name stand the variables whose own existence is asked for by `has(name)`. */
export const EXISTENCE = '_';

/**
 * Copies what the references read out of the context. Unknown values are left out, and so is everything whose
 * shape they would falsify: what is used as a whole and holds one, and a variable of which `has()` or `.?` asks about
 * an unknown part. What is left out is an error to the language, except where the answer does not depend on it
 * (`false && x`).
 */
export function plainContext(references: readonly Reference[], context: Context): PlainContext {
  const notes: Notes = { unknown: undefined, secret: false };
  const values: Record<string, unknown> = Object.create(null);
  const asked: Record<string, unknown> = Object.create(null);
  for (const [head, group] of byHead(references)) {
    if (!Object.hasOwn(context, head)) continue;
    const value = context[head];
    if (value === undefined) continue;
    if (group.some((reference) => reference.existence)) note(value, notes);
    const read = group.filter((reference) => !reference.existence);
    const copy = read.length === 0 ? undefined : copyRead(value, read, context, notes);
    if (copy !== undefined) values[head] = copy.value;
    if (!(value instanceof Unknown)) asked[head] = { v: true };
  }
  for (const { head, existence } of references) {
    if (existence && asked[head] === undefined && !isUnknown(context, head)) asked[head] = {};
  }
  if (references.some((reference) => reference.existence)) values[EXISTENCE] = asked;
  return { values, ...notes };
}

interface Notes {
  unknown: Unknown | undefined;
  secret: boolean;
}

interface Taken {
  readonly path: Path;
  readonly value: unknown;
  readonly whole: boolean;
}

function byHead(references: readonly Reference[]): ReadonlyMap<string, readonly Reference[]> {
  const groups = new Map<string, Reference[]>();
  for (const reference of references) {
    const group = groups.get(reference.head);
    if (group === undefined) groups.set(reference.head, [reference]);
    else group.push(reference);
  }
  return groups;
}

/** The parts of one variable that are read; nothing when the variable has to be left out. */
function copyRead(
  value: unknown,
  group: readonly Reference[],
  context: Context,
  notes: Notes,
): { readonly value: unknown } | undefined {
  const taken: Taken[] = [];
  const blocked: Path[] = [];
  for (const reference of group) {
    const end = follow(value, reference, context);
    const unknown = end.unknown ?? (end.missing ? undefined : findUnknown(end.value));
    if (unknown !== undefined) notes.unknown ??= unknown;
    const unusable =
      end.unknown !== undefined || end.value instanceof Unknown || (unknown !== undefined && end.whole);
    if (!unusable) taken.push(end.missing ? { path: end.path, value: undefined, whole: false } : end);
    else if (reference.optional || end.path.length === 0) return undefined;
    else blocked.push(end.path);
  }
  // A copy without its unknown parts must not stand where another reference uses the same thing as a whole.
  const falsified = taken.some(
    (part) => part.value !== undefined && blocked.some((path) => startsWith(path, part.path)),
  );
  if (falsified) return undefined;
  const usable = taken.filter((part) => !blocked.some((path) => startsWith(part.path, path)));
  return { value: assemble(value, usable, notes) };
}

interface End {
  readonly path: Path;
  readonly value: unknown;
  readonly whole: boolean;
  /** The path leads no further than this; what it leads to is not there. */
  readonly missing: boolean;
  /** The path cannot be followed because this is unknown. */
  readonly unknown: Unknown | undefined;
}

function follow(start: unknown, reference: Reference, context: Context): End {
  const path: string[] = [];
  let value = start;
  const end = (facts: Partial<End> = {}): End => ({
    path,
    value,
    whole: reference.whole,
    missing: false,
    unknown: undefined,
    ...facts,
  });
  for (const step of reference.steps) {
    if (value instanceof Unknown) return end({ unknown: value });
    // Lists are taken as they are: half a list would have other indexes.
    if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Secret) {
      return end({ whole: false });
    }
    const key = typeof step === 'string' ? step : keyFrom(step, context);
    if (key instanceof Unknown) return end({ unknown: key });
    if (key === undefined) return end({ whole: false });
    if (!Object.hasOwn(value, key) || Reflect.get(value, key) === undefined) return end({ missing: true });
    value = Reflect.get(value, key);
    path.push(key);
  }
  return end();
}

function keyFrom(reference: Reference, context: Context): string | Unknown | undefined {
  if (!Object.hasOwn(context, reference.head)) return undefined;
  const { value, unknown, missing } = follow(context[reference.head], reference, context);
  if (unknown !== undefined || value instanceof Unknown) return unknown ?? (value as Unknown);
  if (value instanceof Secret) return value.reveal();
  return !missing && (typeof value === 'string' || typeof value === 'number') ? String(value) : undefined;
}

/** Maps that hold just the parts taken. */
function assemble(value: unknown, taken: readonly Taken[], notes: Notes): unknown {
  const whole = taken.find((part) => part.path.length === 0 && part.value !== undefined);
  if (whole !== undefined) return plain(whole.value, notes);
  if (value === null || typeof value !== 'object') return plain(value, notes);
  const root: Record<string, unknown> = {};
  const own = new Set<unknown>([root]);
  for (const part of [...taken].sort((a, b) => a.path.length - b.path.length)) {
    let here = root;
    for (const [index, key] of part.path.entries()) {
      const last = index === part.path.length - 1;
      if (!Object.hasOwn(here, key)) {
        const inner = last && part.value !== undefined ? plain(part.value, notes) : {};
        if (!last || part.value === undefined) own.add(inner);
        Object.defineProperty(here, key, {
          value: inner,
          enumerable: true,
          configurable: true,
          writable: true,
        });
      } else if (last && part.value !== undefined) {
        here[key] = plain(part.value, notes);
      }
      const next = here[key];
      if (!own.has(next)) break;
      here = next as Record<string, unknown>;
    }
  }
  return root;
}

/** A copy without what is unknown, secrets revealed; the value itself when there is neither. */
function plain(value: unknown, notes: Notes): unknown {
  if (value instanceof Secret) {
    notes.secret = true;
    return value.reveal();
  }
  if (value === null || typeof value !== 'object' || isPlain(value)) return value;
  if (Array.isArray(value))
    return value.map((item) => (item instanceof Unknown ? undefined : plain(item, notes)));
  const kept = Object.entries(value).filter(([, inner]) => !(inner instanceof Unknown));
  return Object.fromEntries(kept.map(([key, inner]) => [key, plain(inner, notes)]));
}

function isPlain(value: unknown): boolean {
  if (value instanceof Secret || value instanceof Unknown) return false;
  if (value === null || typeof value !== 'object') return true;
  return Object.values(value).every(isPlain);
}

function note(value: unknown, notes: Notes): void {
  if (value instanceof Unknown) notes.unknown ??= value;
}

function isUnknown(context: Context, head: string): boolean {
  return Object.hasOwn(context, head) && context[head] instanceof Unknown;
}

function startsWith(path: Path, prefix: Path): boolean {
  return prefix.length <= path.length && prefix.every((part, i) => part === path[i]);
}
