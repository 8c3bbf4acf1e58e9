import { didYouMean, nearestName } from '../base/errors/nearest.ts';
import { isRecord } from '../contract/answers.ts';
import { MODULE_PARTS } from '../contract/module-parts.ts';
import { paramsOf } from './params.ts';

/** One thing that is wrong with a module. */
export interface Flaw {
  /** The part that is wrong, where it is written; nothing where something is missing. */
  readonly part?: string | undefined;
  readonly text: string;
}

/** What is wrong with a value that should be a module; empty when nothing is. */
export function moduleFlaws(value: unknown): readonly Flaw[] {
  if (!isRecord(value)) {
    return [
      {
        text:
          value === undefined
            ? 'it exports nothing called "module": export const module = defineLook({ ... })'
            : `"module" is ${words(value)}, not an object`,
      },
    ];
  }
  const parts = typeof value.kind === 'string' ? MODULE_PARTS[value.kind] : undefined;
  if (parts === undefined) {
    return [
      {
        part: value.kind === undefined ? undefined : 'kind',
        text: '"kind" is not "look", "control" or "change": make it with defineLook, defineControl or defineModule',
      },
    ];
  }
  const names = Object.keys(parts);
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(parts, name));
  const misspelt = new Set(unknown.map((name) => nearestName(name, names)));
  const flaws: Flaw[] = unknown.map((name) => ({
    part: name,
    text: `"${name}" is no part of a module of kind "${String(value.kind)}"${didYouMean(name, names)}`,
  }));
  for (const [name, { form, required }] of Object.entries(parts)) {
    const given = value[name];
    if (given === undefined ? !required || misspelt.has(name) : form.fits(given)) continue;
    const must = required ? form.words : `${form.words}, or left out`;
    flaws.push({
      part: given === undefined ? undefined : name,
      text: `"${name}" must be ${must}, but is ${words(given)}`,
    });
  }
  return [...flaws, ...paramsFlaws(value)];
}

function paramsFlaws({ params, freeForm, freeFormWords }: Record<string, unknown>): readonly Flaw[] {
  if (!isRecord(params) || !isRecord(params._zod)) return [];
  const known = paramsOf(params);
  if (known === undefined)
    return [{ part: 'params', text: '"params" must be an object schema: z.strictObject({ ... })' }];
  if (known.open) return [];
  const names = known.params.map(({ name }) => name);
  const words = isRecord(freeFormWords) ? Object.values(freeFormWords) : [];
  return [
    ...[freeForm].map((name) => ({ part: 'freeForm', name })),
    ...words.map((name) => ({ part: 'freeFormWords', name })),
  ].flatMap(({ part, name }) =>
    typeof name !== 'string' || names.includes(name)
      ? []
      : [{ part, text: `"${part}" names "${name}", which is not a param${didYouMean(name, names)}` }],
  );
}

function words(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (value === '') return 'empty';
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
