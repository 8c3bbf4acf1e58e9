import type { z } from 'zod';
import {
  type Answer,
  anything,
  change as changeAnswer,
  effects,
  foresight,
  isRecord,
  lines,
  orNothing,
  refs,
  result,
  undoable,
  variables,
} from './answers.ts';
import type { Change, ChangeModule, ControlModule, LookModule, Result } from './module.ts';

/** What a part of a module has to be. */
interface Form<T> {
  /** Completes "must be": `a function`. */
  readonly words: string;
  readonly fits: (value: unknown) => boolean;
  /** Never there: ties the form to the type of the part. */
  readonly type?: T;
}

export interface Part {
  readonly form: Form<unknown>;
  readonly required: boolean;
  /** What it has to give, where it is a function. */
  readonly gives?: Answer;
  /** It may give a Promise of that. */
  readonly waits?: boolean;
}

/** Every part of a kind of module; the compiler refuses a table that lacks one, or that has one more. */
type Parts<M> = {
  readonly [K in keyof M]-?: {
    readonly form: Form<Exclude<M[K], undefined>>;
    readonly required: Record<never, never> extends Pick<M, K> ? false : true;
  } & Given<Extract<M[K], AnyFunction>>;
};

type Given<F extends AnyFunction> = [F] extends [never]
  ? unknown
  : {
      readonly gives: Answer;
      readonly waits: ReturnType<F> extends Promise<unknown> ? true : false;
    };

type AnyFunction = (...args: never[]) => unknown;

const func = <T extends AnyFunction>(): Form<T> => ({
  words: 'a function',
  fits: (value) => typeof value === 'function',
});

const literal = <T extends string | true>(only: T): Form<T> => ({
  words: JSON.stringify(only),
  fits: (value) => value === only,
});

const line: Form<string> = {
  words: 'a text',
  fits: (value) => typeof value === 'string' && value.trim() !== '',
};

const texts: Form<Readonly<Record<string, string>>> = {
  words: 'a mapping of each result to one line of text',
  fits: (value) => isRecord(value) && Object.values(value).every((text) => typeof text === 'string'),
};

const words: Form<Readonly<Record<string, string | { readonly instead: string }>>> = {
  words: 'a mapping of each word to a param, or to { instead: "what to write" }',
  fits: (value) =>
    isRecord(value) &&
    Object.values(value).every(
      (one) => typeof one === 'string' || (isRecord(one) && typeof one.instead === 'string'),
    ),
};

const schema: Form<z.ZodType<unknown>> = {
  words: 'a zod 4 schema (z.strictObject({ ... }))',
  fits: (value) => isRecord(value) && isRecord(value._zod),
};

const undo = <T>(): Form<T> => ({
  words: 'a function, or { impossible: "why" } with a reason',
  fits: (value) => typeof value === 'function' || (isRecord(value) && line.fits(value.impossible)),
});

const described = {
  summary: { form: line, required: true },
  description: { form: line, required: false },
  examples: { form: line, required: true },
  params: { form: schema, required: true },
  freeForm: { form: line, required: false },
  freeFormWords: { form: words, required: false },
  returns: { form: texts, required: false },
} as const;

const look: Parts<LookModule<unknown, Result>> = {
  ...described,
  kind: { form: literal('look'), required: true },
  awaits: { form: literal(true), required: false },
  dependsOn: { form: func(), required: false, gives: refs, waits: false },
  read: { form: func(), required: true, gives: result, waits: true },
};

const control: Parts<ControlModule<unknown, Result>> = {
  ...described,
  kind: { form: literal('control'), required: true },
  sets: { form: func(), required: false, gives: variables, waits: false },
  run: { form: func(), required: true, gives: result, waits: true },
};

const change: Parts<ChangeModule<unknown, unknown, Change, Result>> = {
  ...described,
  kind: { form: literal('change'), required: true },
  read: { form: func(), required: true, gives: anything, waits: true },
  plan: { form: func(), required: true, gives: changeAnswer, waits: false },
  unchanged: { form: func(), required: false, gives: orNothing(result), waits: false },
  predict: { form: func(), required: false, gives: orNothing(foresight), waits: false },
  apply: { form: func(), required: true, gives: result, waits: true },
  undo: { form: undo(), required: true, gives: anything, waits: true },
  mayUndo: { form: func(), required: false, gives: anything, waits: true },
  undoShown: { form: func(), required: false, gives: orNothing(lines), waits: false },
  commandLine: { form: func(), required: false, gives: orNothing(lines), waits: false },
  elsewhere: { form: func(), required: false, gives: orNothing(lines), waits: false },
  effects: { form: func(), required: false, gives: orNothing(effects), waits: false },
  again: { form: func(), required: false, gives: anything, waits: true },
  undoable: { form: func(), required: false, gives: orNothing(undoable), waits: false },
  orphans: { form: literal('end'), required: false },
  guards: { form: literal(true), required: false },
};

/** The parts of each kind of module: what a module that is loaded is held against. */
export const MODULE_PARTS: Readonly<Record<string, Readonly<Record<string, Part>>>> = {
  look,
  control,
  change,
};
