import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { asNamed } from '../base/errors/as-named.ts';
import { PitrError, type SourcePosition } from '../base/errors/pitr-error.ts';
import { UnknownReached } from '../base/values/unknown.ts';
import { isRecord, paramsFlaw, resultFlaw } from '../contract/answers.ts';
import type { AnyModule } from '../contract/module.ts';
import { MODULE_PARTS } from '../contract/module-parts.ts';
import { mend, named, placeInStack, placeOfPart, placesOf } from './source-place.ts';
import { unlessStuck } from './stuck.ts';

/** A module that a user wrote: its name, and where it lies. */
interface Origin {
  readonly name: string;
  readonly file: string;
}

/** A part of one, in which something went wrong. */
interface Place extends Origin {
  readonly kind: AnyModule['kind'];
  readonly part: string;
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
 * meant for the operator, and every answer that pitr could not work with.
 */
export function asUsers(module: AnyModule, origin: Origin): AnyModule {
  const guarded = Object.fromEntries(
    Object.entries(module).map(([part, value]) => [
      part,
      typeof value === 'function' ? guard(value, { ...origin, kind: module.kind, part }) : value,
    ]),
  );
  // The same parts, each function behind a guard.
  const own = guarded as unknown as AnyModule;
  ORIGINS.set(own, origin);
  return own;
}

/** How an error came to where nobody catches it: from a promise, or from a timer or an event. */
export type Stray = 'unhandledRejection' | 'uncaughtException';

const HOW: Readonly<Record<Stray, string>> = {
  unhandledRejection: 'Nobody waited for it: an "await" is missing before something that takes its time.',
  uncaughtException: 'It came in a timer or an event, where nobody could catch it.',
};

/**
 * What nobody waited for, or could catch, as the fault of the user's module that it comes from; nothing where no module of
 * a user is loaded, or none is in it.
 */
export function strayFault(thrown: unknown, stray: Stray): PitrError | undefined {
  const how = HOW[stray];
  for (const { name, file } of ORIGINS.values()) {
    if (!(thrown instanceof Error)) break;
    const at = placeInStack(thrown, file);
    if (at === undefined) continue;
    return new PitrError({
      kind: 'failed',
      code: 'module-fault',
      message: `module "${name}" is at fault: ${thrown.name}: ${thrown.message}`,
      details: [how],
      at: named(at),
      next: [mend(at.file), 'pitr runs'],
      cause: thrown,
    });
  }
  const [origin, ...others] = ORIGINS.values();
  if (origin === undefined) return undefined;
  const files = [origin, ...others].map(({ file }) => asNamed(file));
  const next = [`Look for it in ${files.join(', ')}.`, 'pitr runs'];
  if (thrown instanceof PitrError)
    return new PitrError({ ...thrown.toJSON(), details: [...thrown.details, how], next, cause: thrown });
  if (thrown instanceof Error) return undefined;
  // pitr throws errors alone.
  return new PitrError({
    kind: 'failed',
    code: 'module-fault',
    message: `a module is at fault: it throws ${asText(thrown)}, which is no Error and says not where it came from`,
    details: [how],
    next,
    cause: thrown,
  });
}

/** What is wrong with the params of a user's module, in words that name the place in its file. */
export interface ParamsFault {
  readonly code: string;
  readonly message: string;
  readonly next: readonly string[];
}

/** What the schema of a user's params has thrown; nothing where it is somebody else's, or is meant for the operator. */
export function paramsFault(module: AnyModule, thrown: unknown): ParamsFault | undefined {
  const file = fileOf(module);
  if (file === undefined || thrown instanceof PitrError) return undefined;
  const { at, words } = told(thrown, file, 'params');
  return inParams(`end with ${words}`, at);
}

/** What the schema of a user's params has made that no journal could keep. */
export function paramsUnkept(module: AnyModule, params: unknown): ParamsFault | undefined {
  const file = fileOf(module);
  const flaw = file === undefined || module.kind !== 'change' ? undefined : paramsFlaw(params);
  return file === undefined || flaw === undefined
    ? undefined
    : inParams(`give ${flaw}`, placeOfPart(file, 'params'));
}

function inParams(words: string, at: SourcePosition): ParamsFault {
  const { file, line, column } = named(at);
  return {
    code: 'module-fault',
    message: `its params are at fault: they ${words} (${file}:${line}:${column})`,
    next: [mend(at.file)],
  };
}

type AnyFunction = (...args: readonly unknown[]) => unknown;

function guard(run: AnyFunction, place: Place): AnyFunction {
  return (...args) => {
    try {
      const answer = run(...args);
      if (!isPromise(answer)) return checked(answer, place);
      if (!mayWait(place)) {
        // What becomes of it is nobody's business any more.
        answer.then(undefined, () => {});
        throw wrongAnswer(place, 'a Promise', `Only these parts may be async: ${WAITING.join(', ')}.`);
      }
      return unlessStuck(answer, () => stuckIn(place)).then(
        (value) => checked(value, place),
        (thrown: unknown) => {
          throw faultOf(thrown, place, signalIn(args));
        },
      );
    } catch (thrown) {
      throw faultOf(thrown, place, signalIn(args));
    }
  };
}

function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return isRecord(answer) && typeof answer.then === 'function';
}

/** The parts that may take their time, whatever the kind of module. */
const WAITING = [
  ...new Set(
    Object.values(MODULE_PARTS).flatMap((parts) =>
      Object.entries(parts).flatMap(([name, { waits }]) => (waits === true ? [name] : [])),
    ),
  ),
];

function mayWait({ kind, part }: Place): boolean {
  return MODULE_PARTS[kind]?.[part]?.waits === true;
}

/** Refuses an answer that pitr could not work with; `apply` may give nothing. */
function checked(given: unknown, place: Place): unknown {
  const answer = place.part === 'apply' && given === undefined ? {} : given;
  const wanted = MODULE_PARTS[place.kind]?.[place.part]?.gives;
  const flaw = wanted?.flaw(answer);
  if (wanted !== undefined && flaw !== undefined) throw wrongAnswer(place, flaw, wanted.why);
  return answer;
}

function wrongAnswer({ name, file, part }: Place, flaw: string, why: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'module-fault',
    message: `module "${name}" is at fault: its ${part} gives ${flaw}`,
    details: [why],
    at: named(placeOfPart(file, part)),
    next: [mend(file)],
  });
}

function stuckIn({ name, file, part }: Place): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'module-fault',
    message: `module "${name}" is at fault: its ${part} waits for what can never come`,
    details: ['Nothing is left at work that could end it: no command, no timer and no connection.'],
    at: named(placeOfPart(file, part)),
    next: [mend(file)],
  });
}

function faultOf(thrown: unknown, place: Place, signal: AbortSignal | undefined): unknown {
  if (thrown instanceof UnknownReached) return thrown;
  if (thrown instanceof PitrError) {
    const flaw = thrown.result === undefined ? undefined : resultFlaw(thrown.result);
    return flaw === undefined ? thrown : wrongAnswer(place, flaw, `It throws it with: ${thrown.message}`);
  }
  if (signal?.aborted && thrown instanceof Error && thrown.name === 'AbortError') {
    if (signal.reason instanceof PitrError) return signal.reason;
    return new PitrError({ kind: 'interrupted', code: 'interrupted', message: 'interrupted', cause: thrown });
  }
  const { name, file, part } = place;
  const { at, words, way } = told(thrown, file, part);
  return new PitrError({
    kind: 'failed',
    code: 'module-fault',
    message: `module "${name}" is at fault: its ${part} ends with ${words}`,
    details: way,
    at: named(at),
    next: [mend(at.file)],
    cause: thrown,
  });
}

interface Told {
  readonly at: SourcePosition;
  readonly words: string;
  readonly way: readonly string[];
}

/** What a part of a module threw, and where. What is no error has no stack: then the part is all that is known. */
function told(thrown: unknown, file: string, part: string): Told {
  const whole = placeOfPart(file, part);
  if (!(thrown instanceof Error)) return { at: whole, words: `Error: ${asText(thrown)}`, way: [] };
  const at = placeInStack(thrown, file) ?? whole;
  return { at, words: `${thrown.name}: ${thrown.message}`, way: pathTo(thrown, at) };
}

function asText(thrown: unknown): string {
  return typeof thrown === 'object' ? inspect(thrown, { depth: 1, breakLength: Infinity }) : String(thrown);
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
