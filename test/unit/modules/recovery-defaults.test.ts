import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../../lib/language/playbook/assets.ts';
import { loadYaml } from '../../../lib/language/yaml/load.ts';
import { paramsOf } from '../../../lib/modules/params.ts';
import { listModules, loadModule } from '../../../lib/modules/registry.ts';

const read = (file: string): unknown =>
  loadYaml(file, readFileSync(path.join(productPlaybooks(), file), 'utf8')).value;

/** What a recovery can be told, with the defaults. */
const variables = new Map(Object.entries(Object(read('vars/recovery.yml'))));

/** The params that take their value from one of these. */
const params = (
  await Promise.all(
    (
      await listModules()
    ).map(async (module) =>
      (paramsOf((await loadModule(module)).params)?.params ?? []).map((param) => ({ module, ...param })),
    ),
  )
)
  .flat()
  .filter(({ variable }) => variable !== undefined && variables.has(variable));

describe('a param that takes its value from a variable of a recovery', () => {
  it.each(params.filter((param) => param.default !== undefined))(
    'has the default of the variable: $module $name, $variable',
    ({ variable = '', default: own }) => {
      expect(own).toEqual(variables.get(variable));
    },
  );

  it('is found: each variable that says how long is waited stands beside a default', () => {
    const tied = params.filter((param) => param.default !== undefined).map(({ variable }) => variable);
    const waits = [...variables.keys()].filter((name) => /_(timeout|stall)$/.test(name));
    expect(waits.length).toBeGreaterThan(5);
    expect(waits.filter((name) => !tied.includes(name) && !isUsed(name))).toEqual([]);
  });

  it('says how long is waited: no playbook has a number of its own in its place', () => {
    const waits = params.filter(({ variable = '' }) => /_(timeout|stall)$/.test(variable));
    const own = playbooks().flatMap((file) => {
      const written = read(file);
      return waits.flatMap(({ module, name }) =>
        valuesOf(written, module)
          .map((given) => Object(given)[name])
          .filter((value) => typeof value === 'number')
          .map((value) => `${file}: ${module} ${name}: ${value}`),
      );
    });
    expect(own).toEqual([]);
  });

  it('says how long is waited, also where a module has no variable for it', () => {
    const own = playbooks().flatMap((file) =>
      ['timeout', 'stall'].flatMap((key) =>
        valuesOf(read(file), key)
          .filter((value) => typeof value === 'number')
          .map((value) => `${file}: ${key}: ${value}`),
      ),
    );
    expect(own).toEqual([]);
  });

  it('is the same for every module that waits for a member to be copied or to stream', () => {
    const stalls = params.filter(({ variable }) => variable === 'streaming_stall');
    expect(stalls.map(({ module }) => module)).toEqual(
      expect.arrayContaining(['patroni.rebuild', 'patroni.reinit', 'patroni.streaming']),
    );
  });
});

function playbooks(): readonly string[] {
  return ['.', 'tasks'].flatMap((folder) =>
    readdirSync(path.join(productPlaybooks(), folder))
      .filter((name) => name.endsWith('.yml'))
      .map((name) => path.join(folder, name)),
  );
}

/** A playbook hands it to a module. */
function isUsed(variable: string): boolean {
  return playbooks().some((file) =>
    readFileSync(path.join(productPlaybooks(), file), 'utf8').includes(`{{ ${variable} }}`),
  );
}

/** Everything that stands under a key, however deep. */
function valuesOf(part: unknown, key: string): readonly unknown[] {
  if (part === null || typeof part !== 'object') return [];
  return Object.entries(part).flatMap(([name, value]) => [
    ...(name === key ? [value] : []),
    ...valuesOf(value, key),
  ]);
}
