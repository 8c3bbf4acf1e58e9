import type { $ZodType, $ZodTypes } from 'zod/v4/core';

/** One param of a module as its schema tells it: for docs, the checker and the editor schema. */
export interface ParamInfo {
  readonly name: string;
  /** In words: `string`, `list of string`, `one of: present, absent`. */
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly description?: string | undefined;
  /** The variable that fills it where the task does not give it. */
  readonly variable?: string | undefined;
  /** A permission for one process: what the variable said then fills it in no resumed run. */
  readonly once?: true | undefined;
  /** What its text is, where it is not a template: conditions, or one expression. */
  readonly holds?: 'conditions' | 'expression' | undefined;
  /** A template that is shown when something fails, and of no use before. */
  readonly forFailure?: true | undefined;
}

export interface ParamSet {
  readonly params: readonly ParamInfo[];
  /** Names are the author's own (`set_fact`). */
  readonly open: boolean;
}

const cache = new WeakMap<object, ParamSet | undefined>();

/** The params of a module's schema; nothing where the schema does not describe an object. */
export function paramsOf(schema: object): ParamSet | undefined {
  if (!cache.has(schema)) cache.set(schema, readParams(schema as $ZodTypes));
  return cache.get(schema);
}

function readParams(schema: $ZodTypes): ParamSet | undefined {
  const def = schema._zod.def;
  switch (def.type) {
    case 'object':
      return {
        params: Object.entries(def.shape).map(([name, param]) => paramInfo(name, param as $ZodTypes)),
        open: def.catchall !== undefined && (def.catchall as $ZodTypes)._zod.def.type !== 'never',
      };
    case 'record':
      return { params: [], open: true };
    case 'union':
      return united(def.options.map((option) => readParams(option as $ZodTypes)));
    case 'intersection':
      return joined(readParams(def.left as $ZodTypes), readParams(def.right as $ZodTypes));
    default: {
      const inner = innerOf(schema);
      return inner === undefined ? undefined : readParams(inner);
    }
  }
}

/** Forms of the same module (`state: present | absent`): a param is required when every form requires it. */
function united(forms: readonly (ParamSet | undefined)[]): ParamSet | undefined {
  const objects = forms.filter((form) => form !== undefined);
  if (objects.length === 0) return undefined;
  const merged = new Map<string, ParamInfo>();
  for (const form of objects) {
    for (const param of form.params) {
      const other = merged.get(param.name);
      const type = other === undefined ? param.type : union([other.type, param.type]);
      merged.set(param.name, { ...param, ...other, type });
    }
  }
  const params = [...merged.values()].map((param) => ({
    ...param,
    required: objects.every((form) => form.params.some((own) => own.name === param.name && own.required)),
  }));
  return { params, open: objects.some((form) => form.open) };
}

function joined(left: ParamSet | undefined, right: ParamSet | undefined): ParamSet | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return { params: [...left.params, ...right.params], open: left.open || right.open };
}

function paramInfo(name: string, schema: $ZodTypes): ParamInfo {
  const meta = metaOf(schema);
  const preset = defaultOf(schema);
  const type =
    meta.conditions === true
      ? 'condition or list of conditions'
      : meta.expression === true
        ? 'expression'
        : typeWords(schema);
  return {
    name,
    type,
    required: isRequired(schema),
    ...(preset === undefined ? {} : { default: preset }),
    ...(typeof meta.description === 'string' ? { description: meta.description } : {}),
    ...(typeof meta.variable === 'string' ? { variable: meta.variable } : {}),
    ...(meta.once === true ? { once: true as const } : {}),
    ...(meta.conditions === true ? { holds: 'conditions' } : {}),
    ...(meta.expression === true ? { holds: 'expression' } : {}),
    ...(meta.failure === true ? { forFailure: true } : {}),
  };
}

function isRequired(schema: $ZodTypes): boolean {
  const def = schema._zod.def;
  // What `z.preprocess` makes of nothing is decided by the schema behind it.
  const isPreprocess = def.type === 'pipe' && (def.in as $ZodTypes)._zod.def.type === 'transform';
  return isPreprocess ? isRequired(def.out as $ZodTypes) : schema._zod.optin === undefined;
}

/** `.meta()` of a schema and of all that it wraps; the outermost wins. */
function metaOf(schema: $ZodTypes): Readonly<Record<string, unknown>> {
  const inner = innerOf(schema);
  const own = 'meta' in schema && typeof schema.meta === 'function' ? schema.meta() : undefined;
  return { ...(inner === undefined ? {} : metaOf(inner)), ...own };
}

function defaultOf(schema: $ZodTypes): unknown {
  const def = schema._zod.def;
  if (def.type === 'default' || def.type === 'prefault') return def.defaultValue;
  const inner = innerOf(schema);
  return inner === undefined ? undefined : defaultOf(inner);
}

/** What a schema wraps, on the side of what is written; nothing where it wraps nothing. */
function innerOf(schema: $ZodTypes): $ZodTypes | undefined {
  const def = schema._zod.def;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return def.innerType as $ZodTypes;
    case 'pipe': {
      // `z.preprocess` is a pipe out of a transform: what is written is described by its second half.
      const first = def.in as $ZodTypes;
      return first._zod.def.type === 'transform' ? (def.out as $ZodTypes) : first;
    }
    case 'lazy':
      return def.getter() as $ZodTypes;
    default:
      return undefined;
  }
}

/** A schema in words that an operator reads. */
function typeWords(schema: $ZodType): string {
  const known = schema as $ZodTypes;
  const def = known._zod.def;
  switch (def.type) {
    case 'number':
      return def.checks?.some((check) => isWhole(check)) || isWhole(known) ? 'whole number' : 'number';
    case 'array':
      return `list of ${typeWords(def.element)}`;
    case 'enum':
      return `one of: ${Object.values(def.entries).join(', ')}`;
    case 'literal':
      return def.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'union':
      return union(def.options.map(typeWords));
    case 'object':
    case 'record':
      return 'mapping';
    case 'any':
    case 'unknown':
    case 'custom':
    case 'transform':
      return 'any value';
    case 'nullable':
      return `${typeWords(def.innerType)} or null`;
    default: {
      const inner = innerOf(known);
      return inner === undefined ? def.type : typeWords(inner);
    }
  }
}

function union(types: readonly string[]): string {
  return [...new Set(types.flatMap((type) => type.split(' or ')))].join(' or ');
}

function isWhole(schema: { readonly _zod: { readonly def: object } }): boolean {
  const { def } = schema._zod;
  return 'format' in def && typeof def.format === 'string' && def.format.includes('int');
}
