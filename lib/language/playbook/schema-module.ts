import { z } from 'zod';
import type { AnyModule } from '../../contract/module.ts';
import { paramsOf } from '../../modules/params.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

const TEMPLATE: JsonSchema = { $ref: '#/definitions/template' };
const CONDITIONS: JsonSchema = { $ref: '#/definitions/conditions' };

/** What may stand under a module's name: its params, or the plain text that stands for one of them. */
export function moduleSchema(name: string, module: AnyModule): JsonSchema {
  const params = paramsSchema(module);
  const forms = [
    params,
    ...(module.freeForm === undefined ? [] : [freeFormSchema(params, module.freeForm)]),
    ...(hasNone(params.required) ? [{ type: 'null' }] : []),
  ];
  const description = `${name}: ${module.summary}`;
  return forms.length === 1 ? { ...params, description } : { anyOf: forms, description };
}

function hasNone(required: unknown): boolean {
  return !Array.isArray(required) || required.length === 0;
}

/** The free form takes what its param takes, but for mappings, which are the params themselves. */
function freeFormSchema(params: JsonSchema, freeForm: string): JsonSchema {
  const properties = isSchema(params.properties) ? params.properties : {};
  const param = properties[freeForm];
  return { allOf: [isSchema(param) ? param : {}], not: { type: ['object', 'null'] } };
}

function paramsSchema(module: AnyModule): JsonSchema {
  const known = paramsOf(module.params);
  const infos = new Map(known?.params.map((param) => [param.name, param]));
  const { $schema: _, ...raw } = jsonSchemaOf(module);
  const shape = plainParams(raw);
  const properties = Object.fromEntries(
    Object.entries(isSchema(shape.properties) ? shape.properties : {}).map(([name, schema]) => {
      const info = infos.get(name);
      const description = info?.description === undefined ? {} : { description: info.description };
      if (info?.holds === 'conditions') return [name, { allOf: [CONDITIONS], ...description }];
      if (info?.holds === 'expression') return [name, { type: 'string', ...description }];
      return [name, orTemplate(isSchema(schema) ? schema : {})];
    }),
  );
  // What a variable may stand in for need not be written.
  const required = Array.isArray(shape.required)
    ? shape.required.filter((name) => infos.get(String(name))?.variable === undefined)
    : [];
  return {
    ...shape,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...('required' in shape ? { required } : {}),
  };
}

function jsonSchemaOf(module: AnyModule): JsonSchema {
  try {
    return z.toJSONSchema(module.params, {
      io: 'input',
      target: 'draft-7',
      unrepresentable: 'any',
      override: ({ jsonSchema }) => {
        // Notes for pitr, not for editors.
        for (const key of ['variable', 'conditions', 'expression', 'failure']) delete jsonSchema[key];
      },
    });
  } catch {
    // A schema that JSON Schema has no words for still gets its name completed; the checker does the rest.
    return { type: 'object' };
  }
}

/** Several forms of the same module as one mapping, so that an editor completes the params of all. */
function plainParams(schema: JsonSchema): JsonSchema {
  const forms = [schema.anyOf, schema.oneOf].flatMap((list) =>
    Array.isArray(list) ? list.filter(isSchema) : [],
  );
  if (forms.length === 0) return schema;
  const properties: Record<string, unknown> = {};
  for (const form of forms) {
    for (const [name, own] of Object.entries(isSchema(form.properties) ? form.properties : {})) {
      properties[name] = Object.hasOwn(properties, name) ? { anyOf: [properties[name], own] } : own;
    }
  }
  const required = forms
    .map((form) => (Array.isArray(form.required) ? form.required : []))
    .reduce((all, own) => all.filter((name) => own.includes(name)));
  return { type: 'object', properties, required, additionalProperties: false };
}

/** A value as it is, or a template in its place; also for all that lies inside it. */
function orTemplate(schema: JsonSchema): JsonSchema {
  const { description, default: preset, ...rest } = schema;
  const notes = {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
  };
  if (Object.keys(rest).length === 0 || isPlainText(rest)) return schema;
  return { anyOf: [inside(rest), TEMPLATE], ...notes };
}

function inside(schema: JsonSchema): JsonSchema {
  const out: Record<string, unknown> = { ...schema };
  if (isSchema(schema.items)) out.items = orTemplate(schema.items);
  if (isSchema(schema.additionalProperties))
    out.additionalProperties = orTemplate(schema.additionalProperties);
  if (isSchema(schema.properties)) {
    out.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, own]) => [name, isSchema(own) ? orTemplate(own) : own]),
    );
  }
  for (const key of ['anyOf', 'oneOf', 'allOf']) {
    const list = schema[key];
    if (Array.isArray(list)) out[key] = list.map((own: unknown) => (isSchema(own) ? inside(own) : own));
  }
  return out;
}

function isPlainText(schema: JsonSchema): boolean {
  return schema.type === 'string' && Object.keys(schema).length === 1;
}

function isSchema(value: unknown): value is JsonSchema {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
