import { listModules, loadModule, modulesCalled } from '../../modules/registry.ts';
import {
  BLOCK,
  HANDLER,
  IMPORT_PLAYBOOK,
  INCLUDE,
  type Keywords,
  LOOP_CONTROL,
  PLAY,
  TASK,
} from './keywords.ts';
import { type JsonSchema, moduleSchema } from './schema-module.ts';

const ref = (name: string): JsonSchema => ({ $ref: `#/definitions/${name}` });
const text: JsonSchema = { type: ['string', 'number', 'boolean'] };
const word: JsonSchema = { type: 'string', minLength: 1 };
const flag: JsonSchema = { type: 'boolean' };
const steps: JsonSchema = { type: ['array', 'null'], items: ref('step') };
const amount: JsonSchema = { anyOf: [{ type: 'number', minimum: 0 }, ref('template')] };

/** What may stand under each key of a playbook; keys that are not here are free. */
const VALUES: Readonly<Record<string, JsonSchema>> = {
  name: text,
  hosts: ref('words'),
  tags: ref('words'),
  notify: ref('words'),
  listen: ref('words'),
  vars_files: ref('words'),
  defaults_files: ref('words'),
  vars: { type: ['object', 'null'] },
  args: { type: 'object' },
  environment: { anyOf: [{ type: 'object' }, { type: 'array' }, ref('template')] },
  module_defaults: { type: 'object' },
  become: flag,
  become_user: text,
  any_errors_fatal: flag,
  ignore_errors: ref('condition'),
  no_log: flag,
  run_once: flag,
  gather_facts: flag,
  check_mode: { const: false },
  when: ref('conditions'),
  until: ref('conditions'),
  changed_when: ref('conditions'),
  failed_when: ref('conditions'),
  stage: { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9-]*$' },
  formerly: ref('words'),
  delegate_to: word,
  register: ref('variable'),
  loop: { anyOf: [{ type: 'array' }, ref('template')] },
  loop_control: level(LOOP_CONTROL, {
    loop_var: ref('variable'),
    index_var: ref('variable'),
    label: text,
    pause: { type: 'number', minimum: 0 },
  }),
  retries: amount,
  delay: amount,
  timeout: amount,
  block: steps,
  rescue: steps,
  always: steps,
  tasks: steps,
  pre_tasks: steps,
  post_tasks: steps,
  handlers: { type: ['array', 'null'], items: ref('handler') },
  include_tasks: word,
  import_tasks: word,
  import_playbook: word,
  strategy: { enum: ['linear', 'free'] },
  serial: { anyOf: [ref('batch'), { type: 'array', items: ref('batch'), minItems: 1 }] },
  max_fail_percentage: { type: 'number', minimum: 0, maximum: 100 },
};

/**
 * A JSON Schema (draft-07) of playbooks for editors: completes and underlines keys, modules and their params. Made
 * from the modules' own schemas, the author's own modules beside `userDirs` included. It is kinder than the checker:
 * variables, names of handlers and the like are not known to it.
 */
export async function playbookSchema(userDirs: readonly string[] = []): Promise<JsonSchema> {
  const names = await listModules(userDirs);
  const modules: Record<string, JsonSchema> = {};
  const calls: Record<string, JsonSchema> = {};
  for (const name of names) {
    modules[name] = moduleSchema(name, await loadModule(name, userDirs));
    const bare = name.slice(name.indexOf('.') + 1);
    calls[name] = ref(name);
    if (modulesCalled(bare, names).join() === name) calls[bare] = ref(name);
  }
  calls.meta = { enum: ['flush_handlers', 'end_play', 'noop'], description: 'what the engine itself does' };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'pitr playbook',
    type: 'array',
    items: { anyOf: [ref('play'), ref('import_playbook')] },
    definitions: {
      template: { type: 'string', pattern: '\\{\\{', description: 'a template: {{ variable }}' },
      variable: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
      words: { anyOf: [word, { type: 'array', items: word }] },
      condition: { type: ['string', 'boolean'], minLength: 1, description: 'a condition: rc == 0 && !quiet' },
      conditions: { anyOf: [ref('condition'), { type: 'array', items: ref('condition') }] },
      batch: {
        anyOf: [
          { type: 'integer', minimum: 1 },
          { type: 'string', pattern: '^(100|[1-9][0-9]?)%$' },
        ],
      },
      play: level(PLAY, VALUES, ['hosts']),
      import_playbook: level(IMPORT_PLAYBOOK, VALUES, ['import_playbook']),
      step: { anyOf: [ref('task'), ref('block'), ref('include_tasks'), ref('import_tasks')] },
      task: withCalls(level(TASK, VALUES), calls),
      handler: withCalls(level(HANDLER, VALUES), calls),
      block: level(BLOCK, VALUES, ['block']),
      include_tasks: level(INCLUDE, VALUES, ['include_tasks']),
      import_tasks: level(INCLUDE, VALUES, ['import_tasks']),
      ...modules,
    },
  };
}

/** A mapping with these keys and no others. */
function level(
  keywords: Keywords,
  values: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema {
  const keys = Object.entries(keywords).map(([key, description]) => [
    key,
    described(values[key] ?? {}, description),
  ]);
  return {
    type: 'object',
    properties: Object.fromEntries(keys),
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required }),
  };
}

/** A task: its keywords and one module. That it is just one is left to the checker, whose message says which. */
function withCalls(task: JsonSchema, calls: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { ...task, properties: { ...Object(task.properties), ...calls }, minProperties: 1 };
}

/** Draft-07 ignores what stands beside a `$ref`, so a described one is wrapped. */
function described(schema: JsonSchema, description: string): JsonSchema {
  return '$ref' in schema ? { allOf: [schema], description } : { ...schema, description };
}
