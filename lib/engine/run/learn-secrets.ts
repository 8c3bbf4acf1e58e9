import type { Masker } from '../../base/values/masker.ts';
import { isSecretName } from '../../base/values/secret-names.ts';
import { type Inventory, varsOfHost } from '../../language/inventory/model.ts';
import { flatTasks } from '../../language/playbook/load-steps.ts';
import type { Play, Vars } from '../../language/playbook/model.ts';
import type { Located } from '../../language/yaml/located.ts';
import { leadsToHosts } from '../back/masked.ts';
import { dataLayer, Scope, templatesLayer } from '../task/scope.ts';

/** Variables whose values name somebody or something: a secret that is such a word stands in too many texts. */
const NAMES = /(?:^|_)(?:user|username|role|name|database|db|dbname|host|container|cluster|server|scope)$/i;

/** Takes the secrets out of what an inventory and the command line say in clear, also where one says it by a name of the other. */
export function learnInventory(
  masker: Masker,
  inventory: Inventory,
  extraVars: Readonly<Record<string, unknown>>,
): void {
  masker.addCommon([...inventory.hosts.keys(), ...inventory.groups.keys()]);
  for (const name of new Set([...inventory.hosts.keys(), 'localhost'])) {
    const vars = varsOfHost(inventory, name);
    learnVars(masker, vars);
    learnWay(masker, vars, { ...extraVars, inventory_hostname: name });
    masker.addCommon(
      [...vars].flatMap(([name, { value }]) =>
        NAMES.test(name) && typeof value === 'string' ? [value] : [],
      ),
    );
  }
  masker.learn(extraVars);
}

/**
 * Takes the secrets out of what leads to a host: `ansible_password: "{{ word }}"` makes one of `-e word=...`, whatever it is
 * called. Before any host is used, for a run begins with writing down what it was given.
 */
function learnWay(
  masker: Masker,
  vars: ReadonlyMap<string, Located>,
  given: Readonly<Record<string, unknown>>,
): void {
  const scope = new Scope([templatesLayer(vars), dataLayer(given)], masker);
  for (const name of [...vars.keys()].filter((one) => leadsToHosts(one) && isSecretName(one))) {
    try {
      scope.get(name);
    } catch {
      // It cannot be rendered: that is told, with its place, to whoever goes to the host.
    }
  }
}

/** Takes the secrets out of what a play says in clear: its variables, and the params of its tasks. */
export function learnPlay(masker: Masker, play: Play): void {
  learnVars(masker, play.vars);
  for (const part of [...play.environment, ...Object.values(play.moduleDefaults)]) learnNamed(masker, part);
  for (const task of [...flatTasks(play.tasks), ...play.handlers]) {
    for (const vars of task.vars) learnVars(masker, vars);
    for (const part of [task.args, task.loop, ...task.environment]) learnNamed(masker, part);
  }
}

/** Takes the secrets out of variables that stand in a file. */
export function learnVars(masker: Masker, vars: Vars | ReadonlyMap<string, Located>): void {
  for (const [name, located] of vars instanceof Map ? vars : Object.entries(vars)) {
    masker.learn({ [name]: located.value }, ([, ...path]) => located.locate(path).file);
  }
}

/** What has no name of its own: the names are inside. */
function learnNamed(masker: Masker, part: Located | undefined): void {
  const value: unknown = part?.value;
  if (part !== undefined && value !== null && typeof value === 'object')
    masker.learn(value, (path) => part.locate(path).file);
}
