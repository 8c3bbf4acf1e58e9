import { didYouMean } from '../base/errors/nearest.ts';
import { paramsOf } from './params.ts';

const FUNCTIONS: Readonly<
  Record<string, { readonly must: readonly string[]; readonly may: readonly string[] }>
> = {
  look: { must: ['read'], may: ['dependsOn'] },
  control: { must: ['run'], may: [] },
  change: {
    must: ['read', 'plan', 'apply'],
    may: ['unchanged', 'predict', 'effects', 'again', 'undoShown', 'undoable'],
  },
};

/** What is wrong with a value that should be a module; empty when nothing is. */
export function moduleFlaws(value: unknown): readonly string[] {
  if (!isRecord(value)) {
    return [
      value === undefined
        ? 'it exports nothing called "module": export const module = defineLook({ ... })'
        : `"module" is ${words(value)}, not an object`,
    ];
  }
  const flaws: string[] = [];
  const kind = typeof value.kind === 'string' ? FUNCTIONS[value.kind] : undefined;
  if (kind === undefined) {
    flaws.push(
      '"kind" is not "look", "control" or "change": make it with defineLook, defineControl or defineModule',
    );
  }
  for (const text of ['summary', 'examples']) {
    const given = value[text];
    if (typeof given !== 'string' || given.trim() === '')
      flaws.push(`"${text}" must be a text, but is ${words(given)}`);
  }
  for (const name of kind?.must ?? []) {
    if (typeof value[name] !== 'function')
      flaws.push(`"${name}" must be a function, but is ${words(value[name])}`);
  }
  for (const name of kind?.may ?? []) {
    if (value[name] !== undefined && typeof value[name] !== 'function') {
      flaws.push(`"${name}" must be a function or left out, but is ${words(value[name])}`);
    }
  }
  if (value.kind === 'change' && !isUndo(value.undo)) {
    flaws.push('"undo" must be a function, or { impossible: "why" }');
  }
  if (value.returns !== undefined && !isTexts(value.returns)) {
    flaws.push('"returns" must name each result with one line of text');
  }
  return [...flaws, ...paramsFlaws(value)];
}

function paramsFlaws(value: Record<string, unknown>): readonly string[] {
  const { params, freeForm } = value;
  if (!isRecord(params) || !isRecord(params._zod)) {
    return [`"params" must be a zod 4 schema (z.strictObject({ ... })), but is ${words(params)}`];
  }
  const known = paramsOf(params);
  if (known === undefined) return ['"params" must be an object schema: z.strictObject({ ... })'];
  if (freeForm === undefined || known.open || known.params.some((param) => param.name === freeForm))
    return [];
  const near = didYouMean(
    String(freeForm),
    known.params.map((param) => param.name),
  );
  return [`"freeForm" names "${String(freeForm)}", which is not a param${near}`];
}

function isUndo(undo: unknown): boolean {
  return typeof undo === 'function' || (isRecord(undo) && typeof undo.impossible === 'string');
}

function isTexts(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((text) => typeof text === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function words(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (value === '') return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
