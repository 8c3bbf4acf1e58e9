import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../../../lib/language/playbook/assets.ts';
import { playbookSchema } from '../../../../lib/language/playbook/schema.ts';
import type { JsonSchema } from '../../../../lib/language/playbook/schema-module.ts';
import { loadYaml } from '../../../../lib/language/yaml/load.ts';
import { listModules } from '../../../../lib/modules/registry.ts';
import { fits } from './support/json-schema.ts';

let schema: JsonSchema;
beforeAll(async () => {
  schema = await playbookSchema();
});

const fitsPlaybook = (yaml: string): boolean => fits(loadYaml('play.yml', yaml).value, schema, schema);
const fitsTask = (task: string): boolean =>
  fitsPlaybook(`- hosts: all\n  tasks:\n${task.replace(/^/gm, '    ')}\n`);

describe('the editor schema', () => {
  it('is draft-07, plain JSON, and knows every module by its full name', async () => {
    expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#');
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
    expect(Object.keys(Object(schema.definitions))).toEqual(
      expect.arrayContaining([...(await listModules())]),
    );
  });

  it('refers only to what it has', () => {
    const refs = JSON.stringify(schema).matchAll(/"#\/definitions\/([^"]+)"/g);
    const known = Object.keys(Object(schema.definitions));
    for (const [, name] of refs) expect(known).toContain(name);
  });

  it('holds no notes that are meant for pitr itself', () => {
    expect(JSON.stringify(schema)).not.toMatch(/"(variable|conditions|expression)":("|true)/);
  });

  it('has a module as an editor shows it', () => {
    expect(Object(schema.definitions)['core.fail']).toMatchInlineSnapshot(`
      {
        "anyOf": [
          {
            "additionalProperties": false,
            "properties": {
              "code": {
                "anyOf": [
                  {
                    "pattern": "^[a-z][a-z0-9-]*$",
                    "type": "string",
                  },
                  {
                    "$ref": "#/definitions/template",
                  },
                ],
                "default": "failed-by-playbook",
                "description": "stable name of this failure, for scripts",
              },
              "details": {
                "anyOf": [
                  {
                    "anyOf": [
                      {
                        "type": "string",
                      },
                      {
                        "items": {
                          "type": "string",
                        },
                        "type": "array",
                      },
                    ],
                  },
                  {
                    "$ref": "#/definitions/template",
                  },
                ],
                "description": "more lines: what exists instead, what is allowed",
              },
              "msg": {
                "description": "the reason, in one sentence",
                "type": "string",
              },
              "next": {
                "anyOf": [
                  {
                    "anyOf": [
                      {
                        "type": "string",
                      },
                      {
                        "items": {
                          "type": "string",
                        },
                        "type": "array",
                      },
                    ],
                  },
                  {
                    "$ref": "#/definitions/template",
                  },
                ],
                "description": "what to do next: commands to type",
              },
              "refuse": {
                "anyOf": [
                  {
                    "type": "boolean",
                  },
                  {
                    "$ref": "#/definitions/template",
                  },
                ],
                "default": false,
                "description": "true: a safety check that says no (exit code 5), not a failed task",
              },
            },
            "type": "object",
          },
          {
            "allOf": [
              {
                "description": "the reason, in one sentence",
                "type": "string",
              },
            ],
            "not": {
              "type": [
                "object",
                "null",
              ],
            },
          },
          {
            "type": "null",
          },
        ],
        "description": "core.fail: Fails with the message given.",
      }
    `);
  });

  it.each([
    '- fs.copy: { src: a, dest: /b, mode: "0640", backup: true }',
    '- copy: { content: "{{ x }}", dest: /b, backup: "{{ keep }}" }',
    '- command: ls -l\n  args: { creates: /x }',
    '- command: [ls, -l]',
    '- debug: { var: cluster.leader }',
    '- assert: { that: [a == 1, true] }',
    '- assert: a == 1',
    '- set_fact: { anything: [1, 2] }',
    '- core.facts:',
    '- meta: flush_handlers',
    '- block: [{ command: ls, register: r }]\n  rescue: [{ fail: no }]\n  when: [a, true]',
    '- include_tasks: more.yml\n  when: wanted',
    '- command: ls\n  loop: "{{ list }}"\n  loop_control: { loop_var: x, pause: 1 }\n  until: result.rc == 0\n  retries: 5',
  ])('accepts %j', (task) => {
    expect(fitsTask(task)).toBe(true);
  });

  it.each([
    '- fs.copy: { src: a, dset: /b }',
    '- fs.copy: { src: a }',
    '- fs.copy: { src: a, dest: /b, backup: maybe }',
    '- copyy: { src: a }',
    '- command: ls\n  regster: x',
    '- command: ls\n  register: my-result',
    '- command: ls\n  loop: items',
    '- block: ls',
    '- meta: flush',
    '- include_tasks: a.yml\n  loop: [1]',
    '- command: ls\n  check_mode: true',
  ])('refuses %j', (task) => {
    expect(fitsTask(task)).toBe(false);
  });

  it.each([
    ['- hosts: all\n  serial: [1, 30%]\n  strategy: free\n', true],
    ['- import_playbook: other.yml\n  tags: a\n', true],
    ['- hosts: all\n  serial: 0\n', false],
    ['- hosts: all\n  taks: []\n', false],
    ['- tasks: []\n', false],
    ['hosts: all\n', false],
  ])('judges the playbook %j: %s', (yaml, good) => {
    expect(fitsPlaybook(yaml)).toBe(good);
  });

  it.each(readdirSync(productPlaybooks()).filter((file) => file.endsWith('.yml')))(
    'accepts the product’s %s',
    (file) => {
      expect(fitsPlaybook(readFileSync(path.join(productPlaybooks(), file), 'utf8'))).toBe(true);
    },
  );
});
