import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PitrError, type SourcePosition } from '../base/errors/pitr-error.ts';
import { Secret } from '../base/values/secret.ts';
import { Unknown, UnknownReached } from '../base/values/unknown.ts';
import type { AnyModule } from '../contract/module.ts';
import { isRecord } from '../contract/module-parts.ts';
import { mend, named, placeInStack, placeOfPart, placesOf } from './source-place.ts';

/** A module that a user wrote: its name, and where it lies. */
interface Origin {
  readonly name: string;
  readonly file: string;
}

const ORIGINS = new Map<AnyModule, Origin>();

/** Where pitr's own code lies: from its sources and from the one file that was built from them alike. */
const ROOT = path.resolve(fileURLToPath(import.meta.url), '../../..');
const PRODUCT = ['lib', 'cli', 'dist'].map((folder) => path.join(ROOT, folder) + path.sep);

/** The file of a user's module; nothing for one of pitr's own. */
export function fileOf(module: AnyModule): string | undefined {
  return ORIGINS.get(module)?.file;
}

/** Where a part of a user's module stands; nothing for one of pitr's own. */
export function placeIn(module: AnyModule, part: string): SourcePosition | undefined {
  const file = fileOf(module);
  return file === undefined ? undefined : named(placeOfPart(file, part));
}

/**
 * A user's module, so that what goes wrong in its code is told as its fault, with the place: every error that is not
 * meant for the operator, and a change that the journal could not keep.
 */
export function asUsers(module: AnyModule, origin: Origin): AnyModule {
  const guarded = Object.fromEntries(
    Object.entries(module).map(([part, value]) => [
      part,
      typeof value === 'function' ? guard(value, part, origin) : value,
    ]),
  );
  // The same parts, each function behind a guard.
  const own = guarded as unknown as AnyModule;
  ORIGINS.set(own, origin);
  return own;
}

/**
 * What nobody waited for, as the fault of the user's module that has forgotten to; nothing where no module of a user is
 * loaded, or none is in it.
 */
export function strayFault(thrown: unknown): PitrError | undefined {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const forgotten = 'Nobody waited for it: an "await" is missing before something that takes its time.';
  for (const { name, file } of ORIGINS.values()) {
    const at = placeInStack(error, file);
    if (at === undefined) continue;
    return new PitrError({
      kind: 'failed',
      code: 'module-fault',
      message: `module "${name}" is at fault: ${error.name}: ${error.message}`,
      details: [forgotten],
      at: named(at),
      next: [mend(at.file)],
      cause: thrown,
    });
  }
  const [origin, ...others] = ORIGINS.values();
  if (!(thrown instanceof PitrError) || origin === undefined) return undefined;
  const files = [origin, ...others].map(({ file }) => file);
  return new PitrError({
    ...thrown.toJSON(),
    details: [...thrown.details, forgotten],
    next: [`Look for it in ${files.join(', ')}.`],
    cause: thrown,
  });
}

type AnyFunction = (...args: readonly unknown[]) => unknown;

function guard(part: AnyFunction, name: string, origin: Origin): AnyFunction {
  return (...args) => {
    try {
      const answer = part(...args);
      if (answer instanceof Promise) {
        return answer.then(
          (value: unknown) => checked(value, name, origin),
          (thrown: unknown) => {
            throw faultOf(thrown, name, origin, signalIn(args));
          },
        );
      }
      return checked(answer, name, origin);
    } catch (thrown) {
      throw faultOf(thrown, name, origin, signalIn(args));
    }
  };
}

/** Answers that pitr could not work with. What looks, plans or runs gives something; `apply` may give nothing. */
function checked(answer: unknown, part: string, origin: Origin): unknown {
  if (part === 'plan' && answer !== undefined) {
    const flaw = changeFlaw(answer);
    if (flaw !== undefined)
      throw wrongAnswer(origin, part, flaw, 'A change is plain JSON: the journal keeps it for undo.');
  }
  if (part === 'sets' && answer !== 'anything' && !isTexts(answer))
    throw wrongAnswer(
      origin,
      part,
      'no list of names',
      'It names the variables that its facts set, or says "anything".',
    );
  if (part === 'apply' && answer === undefined) return {};
  return answer;
}

function isTexts(answer: unknown): boolean {
  return Array.isArray(answer) && answer.every((one) => typeof one === 'string');
}

function changeFlaw(change: unknown): string | undefined {
  if (!isRecord(change)) return 'a change that is no mapping';
  if (typeof change.summary !== 'string' || change.summary.trim() === '')
    return 'a change without a "summary": one line that says what it does';
  // What only `apply` needs is in no journal.
  const { forApply: _, ...journalled } = change;
  return notJson(journalled, 'change', new Set());
}

/** The first thing in a value that JSON cannot keep, in words. */
function notJson(value: unknown, where: string, outer: ReadonlySet<unknown>): string | undefined {
  if (value === undefined || value === null || value instanceof Unknown || value instanceof Secret)
    return undefined;
  if (typeof value === 'number' && !Number.isFinite(value)) return `${where}, which is ${value}`;
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint')
    return `${where}, which is a ${typeof value}`;
  if (typeof value !== 'object') return undefined;
  if (outer.has(value)) return `${where}, which holds itself`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null)
    return `${where}, which is a ${value.constructor.name}`;
  const inner = new Set([...outer, value]);
  for (const [key, one] of Object.entries(value)) {
    const flaw = notJson(one, Array.isArray(value) ? `${where}[${key}]` : `${where}.${key}`, inner);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

function wrongAnswer({ name, file }: Origin, part: string, flaw: string, why: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'module-fault',
    message: `module "${name}" is at fault: its ${part} gives ${flaw}`,
    details: [why],
    at: named(placeOfPart(file, part)),
    next: [mend(file)],
  });
}

function faultOf(
  thrown: unknown,
  part: string,
  { name, file }: Origin,
  signal: AbortSignal | undefined,
): unknown {
  if (thrown instanceof PitrError || thrown instanceof UnknownReached) return thrown;
  if (signal?.aborted && thrown instanceof Error && thrown.name === 'AbortError') {
    if (signal.reason instanceof PitrError) return signal.reason;
    return new PitrError({ kind: 'interrupted', code: 'interrupted', message: 'interrupted', cause: thrown });
  }
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const at = placeInStack(error, file) ?? placeOfPart(file, part);
  return new PitrError({
    kind: 'failed',
    code: 'module-fault',
    message: `module "${name}" is at fault: its ${part} ends with ${error.name}: ${error.message}`,
    details: pathTo(error, at),
    at: named(at),
    next: [mend(at.file)],
    cause: thrown,
  });
}

/** The way into pitr, where the error came up there: what the module handed over is wrong, or pitr is. */
function pathTo(error: Error, at: SourcePosition): readonly string[] {
  const [innermost] = placesOf(error);
  if (innermost === undefined || !PRODUCT.some((folder) => innermost.file.startsWith(folder))) return [];
  return [
    `It came up in pitr, at ${innermost.file}:${innermost.line}, called from line ${at.line} of the module: is what is handed over there right? Then it is a bug of pitr.`,
  ];
}

function signalIn(args: readonly unknown[]): AbortSignal | undefined {
  return args
    .map((arg) => (isRecord(arg) ? arg.signal : undefined))
    .find((signal) => signal instanceof AbortSignal);
}
