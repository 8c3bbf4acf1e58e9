import { paramsOf } from '../../modules/params.ts';
import { listModules, loadModule } from '../../modules/registry.ts';
import type { JsonSchema } from '../playbook/schema-module.ts';
import { CONNECTION_VARS, CONNECTIONS, UNSUPPORTED_VARS } from './connection-vars.ts';

const GROUP: JsonSchema = { $ref: '#/definitions/group' };

/**
 * A JSON Schema (draft-07) of inventories for editors: completes the keys of groups, the variables that say how a host
 * is reached, and those that fill params of modules, with what they mean. Variables of one's own are free.
 */
export async function inventorySchema(userDirs: readonly string[] = []): Promise<JsonSchema> {
  const misplaced = refused('This stands outside any group: put it under one. "all:" holds everything.');
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'pitr inventory',
    type: ['object', 'null'],
    properties: {
      all: { allOf: [GROUP], description: 'the group that holds everything' },
      hosts: misplaced,
      children: misplaced,
      vars: misplaced,
    },
    additionalProperties: GROUP,
    definitions: {
      group: {
        type: ['object', 'null'],
        properties: {
          hosts: {
            description: 'the hosts of this group: a name on a line each, its variables under it',
            type: ['object', 'null'],
            additionalProperties: { $ref: '#/definitions/vars' },
          },
          children: {
            description: 'the groups in this group: a name on a line each',
            type: ['object', 'null'],
            additionalProperties: GROUP,
          },
          vars: {
            allOf: [{ $ref: '#/definitions/vars' }],
            description: 'variables that all hosts of this group share',
          },
        },
        additionalProperties: false,
      },
      vars: { type: ['object', 'null'], properties: await variables(userDirs) },
    },
  };
}

/** What must not stand there. Editors show the deprecation's words, which `not` has none of. */
function refused(why: string): JsonSchema {
  return { not: {}, deprecationMessage: why, doNotSuggest: true };
}

async function variables(userDirs: readonly string[]): Promise<JsonSchema> {
  const all: Record<string, JsonSchema> = { ...(await moduleVariables(userDirs)) };
  for (const { names, summary } of Object.values(CONNECTION_VARS)) {
    const [first, ...others] = names;
    all[first] = { description: summary };
    for (const name of others) all[name] = { description: `${summary} (as ${first})` };
  }
  all.ansible_connection = { ...all.ansible_connection, enum: Object.keys(CONNECTIONS) };
  for (const [name, advice] of Object.entries(UNSUPPORTED_VARS))
    all[name] = refused(`pitr cannot follow this variable. ${advice}`);
  return all;
}

/** The variables that fill params, with what the first module that takes one says of it. */
async function moduleVariables(userDirs: readonly string[]): Promise<Readonly<Record<string, JsonSchema>>> {
  const all: Record<string, JsonSchema> = {};
  for (const module of await listModules(userDirs)) {
    for (const { variable, description } of paramsOf((await loadModule(module, userDirs)).params)?.params ??
      []) {
      if (variable === undefined || Object.hasOwn(all, variable)) continue;
      all[variable] = description === undefined ? {} : { description };
    }
  }
  return all;
}
