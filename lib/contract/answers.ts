import { Secret } from '../base/values/secret.ts';
import { Unknown } from '../base/values/unknown.ts';

/** What pitr can work with of what a part of a module gives. */
export interface Answer {
  /** Completes "it gives": what is wrong with an answer; nothing where it will do. */
  readonly flaw: (answer: unknown) => string | undefined;
  /** Why it has to be so, or how it should be. */
  readonly why: string;
}

export const anything: Answer = { flaw: () => undefined, why: '' };

export const result: Answer = {
  flaw: resultFlaw,
  why: 'A result is a mapping of plain data: "register" sees it, and the journal keeps it.',
};

export const change: Answer = {
  flaw: (answer) => (answer === undefined ? undefined : changeFlaw(answer)),
  why: 'A change is plain JSON: the journal keeps it for undo.',
};

export const refs: Answer = listOf(
  isRef,
  'no list of resources',
  'Each resource is { kind, id }, both texts; where the answer depends on none, the list is empty.',
);

export const lines: Answer = listOf(isText, 'no list of texts', 'It is a list, each of its parts a text.');

export const effects: Answer = listOf(
  isRecord,
  'no list of effects',
  'docs/writing-modules.md has the fields.',
);

export const variables: Answer = {
  flaw: (answer) => (answer === 'anything' ? undefined : lines.flaw(answer) && 'no list of names'),
  why: 'It names the variables that its facts set, or says "anything".',
};

export const undoable: Answer = {
  flaw: (answer) => (answer === true || (isText(answer) && answer.trim() !== '') ? undefined : said(answer)),
  why: 'It gives true, or in a text the reason why there is no way back.',
};

export const foresight: Answer = {
  flaw: foresightFlaw,
  why: 'It gives { resources, result }: a list of what predicted, predictedChange or predictedText made, and a mapping.',
};

/** The same, or nothing. */
export function orNothing({ flaw, why }: Answer): Answer {
  return { flaw: (answer) => (answer === undefined || answer === null ? undefined : flaw(answer)), why };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** What is wrong with what `register` would see. */
export function resultFlaw(answer: unknown): string | undefined {
  if (!isRecord(answer)) return said(answer);
  return unkept(answer, { where: 'result', outer: new Set(), plain: false });
}

/** What is wrong with params as a schema gives them, where the journal keeps them with a change. */
export function paramsFlaw(params: unknown): string | undefined {
  return unkept(params, { where: 'params', outer: new Set(), plain: false });
}

function changeFlaw(answer: unknown): string | undefined {
  if (!isRecord(answer)) return 'a change that is no mapping';
  if (typeof answer.summary !== 'string' || answer.summary.trim() === '')
    return 'a change without a "summary": one line that says what it does';
  if (answer.diff !== undefined && !(Array.isArray(answer.diff) && answer.diff.every(isDiff)))
    return 'a "diff" that is no list of { subject, before, after }, all texts ("" where there is nothing)';
  // What only `apply` needs is in no journal.
  const { forApply: _, ...journalled } = answer;
  return unkept(journalled, { where: 'change', outer: new Set(), plain: true });
}

function isDiff(one: unknown): boolean {
  return isRecord(one) && [one.subject, one.before, one.after].every(isText);
}

function foresightFlaw(answer: unknown): string | undefined {
  if (!isRecord(answer)) return said(answer);
  const { resources, result: foreseen } = answer;
  if (resources !== undefined && !Array.isArray(resources)) return '"resources" that are no list';
  const wrong = (resources ?? []).findIndex((one: unknown) => !isPrediction(one));
  if (wrong !== -1) return `resources[${wrong}], which is no prediction`;
  return foreseen === undefined ? undefined : resultFlaw(foreseen);
}

function isPrediction(value: unknown): boolean {
  if (!isRecord(value) || !isText(value.kind)) return false;
  if ('moved' in value) return isRecord(value.moved) && isText(value.moved.from) && isText(value.moved.to);
  return isText(value.id) && ('changed' in value ? typeof value.changed === 'function' : 'state' in value);
}

function isRef(value: unknown): boolean {
  return isRecord(value) && isText(value.kind) && isText(value.id);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function listOf(fits: (one: unknown) => boolean, flaw: string, why: string): Answer {
  return { flaw: (answer) => (Array.isArray(answer) && answer.every(fits) ? undefined : flaw), why };
}

/** An answer of the wrong type, in a word or two. */
function said(answer: unknown): string {
  if (answer === undefined) return 'nothing';
  if (answer === null || typeof answer === 'boolean') return String(answer);
  if (answer === '') return 'an empty text';
  if (Array.isArray(answer)) return 'a list';
  if (typeof answer === 'object') return 'a mapping';
  return typeof answer === 'string' ? 'a text' : `a ${typeof answer}`;
}

interface Looked {
  readonly where: string;
  /** What it lies in. */
  readonly outer: ReadonlySet<unknown>;
  /** It must come back from JSON as it was; else it is enough that JSON takes it. */
  readonly plain: boolean;
}

/** The first thing in a value that JSON cannot keep, in words; or that it cannot even be looked through. */
function unkept(value: unknown, looked: Looked): string | undefined {
  try {
    return notKept(value, looked);
  } catch (thrown) {
    return `${looked.where}, which cannot be read (${thrown instanceof Error ? thrown.message : String(thrown)})`;
  }
}

function notKept(value: unknown, { where, outer, plain }: Looked): string | undefined {
  if (value === undefined || value === null || value instanceof Unknown || value instanceof Secret)
    return undefined;
  if (typeof value === 'bigint') return `${where}, which is a bigint`;
  if (plain && typeof value === 'number' && !Number.isFinite(value)) return `${where}, which is ${value}`;
  if (plain && (typeof value === 'function' || typeof value === 'symbol'))
    return `${where}, which is a ${typeof value}`;
  if (typeof value !== 'object') return undefined;
  if (outer.has(value)) return `${where}, which holds itself`;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  const isLost = value instanceof Promise || value instanceof Map || value instanceof Set;
  if (!isPlain && (plain || isLost)) return `${where}, which is a ${value.constructor.name}`;
  const inner = new Set([...outer, value]);
  if (!plain && 'toJSON' in value && typeof value.toJSON === 'function')
    return notKept(value.toJSON(), { where, outer: inner, plain });
  for (const [key, one] of Object.entries(value)) {
    const at = Array.isArray(value) ? `${where}[${key}]` : `${where}.${key}`;
    const flaw = notKept(one, { where: at, outer: inner, plain });
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}
