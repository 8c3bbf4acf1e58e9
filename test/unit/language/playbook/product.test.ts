import { readdirSync } from 'node:fs';
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

describe.each(inventories)("the product's own playbooks, with inventory/%s", (inventory) => {
  it.each(playbooks)('%s has no problem', async (file) => {
    const { hosts, ...rest } = await loadInventory([path.join(projectRoot(), 'inventory', inventory)]);
    const problems = await findProblems(await loadPlaybook(path.join(productPlaybooks(), file)), {
      hostVars: new Map([...hosts].map(([name, host]) => [name, new Set(host.vars.keys())])),
      extraVars: { target: 'db2', node: 'db1', recovery_run: '20261122T144512-7f3a', leader: 'db1' },
      groups: rest.groups,
      hosts: [...hosts.keys()],
      matchHosts: (pattern, at) => matchHosts({ hosts, ...rest }, pattern, undefined, at),
    });
    expect(problems.map(problemText)).toEqual([]);
  });
});
