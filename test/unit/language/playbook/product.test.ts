import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadInventory } from '../../../../lib/language/inventory/load.ts';
import { matchHosts } from '../../../../lib/language/inventory/patterns.ts';
import { productPlaybooks, projectRoot } from '../../../../lib/language/playbook/assets.ts';
import { findProblems } from '../../../../lib/language/playbook/check.ts';
import { loadPlaybook } from '../../../../lib/language/playbook/load.ts';
import { problemText } from '../../../../lib/language/playbook/problems.ts';

const playbooks = readdirSync(productPlaybooks()).filter((file) => file.endsWith('.yml'));
const inventories = readdirSync(path.join(projectRoot(), 'inventory')).filter((file) =>
  file.endsWith('.yml'),
);

/** The variables that a playbook is given by the commands at its head. */
function given(file: string): Record<string, string> {
  const head = readFileSync(path.join(productPlaybooks(), file), 'utf8').split('\n- ')[0] ?? '';
  return Object.fromEntries(
    [...head.matchAll(/-e (\w+)=([\w-]+)/g)].map(([, name = '', value]) => [name, value ?? '']),
  );
}

describe.each(inventories)("the product's own playbooks, with inventory/%s", (inventory) => {
  it.each(playbooks)('%s has no problem', async (file) => {
    const { hosts, ...rest } = await loadInventory([path.join(projectRoot(), 'inventory', inventory)]);
    const problems = await findProblems(await loadPlaybook(path.join(productPlaybooks(), file)), {
      hostVars: new Map([...hosts].map(([name, host]) => [name, new Set(host.vars.keys())])),
      extraVars: given(file),
      groups: rest.groups,
      hosts: [...hosts.keys()],
      matchHosts: (pattern, at) => matchHosts({ hosts, ...rest }, pattern, undefined, at),
    });
    expect(problems.map(problemText)).toEqual([]);
  });
});
