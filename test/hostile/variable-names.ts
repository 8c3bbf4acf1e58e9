import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { productPlaybooks, projectRoot } from '../../lib/language/playbook/assets.ts';
import { loadYaml } from '../../lib/language/yaml/load.ts';

function keysOf(file: string): readonly string[] {
  return Object.keys(Object(loadYaml(file, readFileSync(file, 'utf8')).value));
}

/** Every variable that an operator can set for a recovery: the documented ones, and those of the inventory. */
export function loadVarNames(): readonly string[] {
  const inventory = readFileSync(join(projectRoot(), 'inventory', 'lab-docker.yml'), 'utf8');
  const own = [...inventory.matchAll(/^ +([a-z_]+): +\S/gm)].map((match) => match[1] ?? '');
  const all = ['target', ...keysOf(join(productPlaybooks(), 'vars/recovery.yml')), ...own];
  return [...new Set(all)].filter((name) => !name.startsWith('ansible_'));
}
