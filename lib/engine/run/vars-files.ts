import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import type { Inventory } from '../../language/inventory/model.ts';
import type { Play } from '../../language/playbook/model.ts';
import { MAGIC_VARIABLES } from '../../language/playbook/variables.ts';
import { readVarsFile } from '../../language/playbook/vars-files.ts';
import type { Located } from '../../language/yaml/located.ts';
import { dataLayer, type Layer, Scope, templatesLayer } from '../task/scope.ts';
import { learnVars } from './learn-secrets.ts';
import { sharedFacts } from './shared-facts.ts';

/**
 * The files of `vars_files` or `defaults_files` as layers, in order. Their names may use `-e`, the play's variables, what all
 * hosts of the inventory share, and `playbook_dir`.
 */
export async function loadVarsFiles(
  play: Play,
  files: readonly Located<string>[],
  {
    inventory,
    extraVars,
  }: { readonly inventory: Inventory; readonly extraVars: Readonly<Record<string, unknown>> },
  masker: Masker,
): Promise<readonly Layer[]> {
  const layers: Layer[] = [];
  for (const named of files) {
    const refused = (name: string, why: string): PitrError =>
      new PitrError({
        kind: 'validation',
        // The name of a file of variables needs a variable that differs from host to host, or that tasks alone have.
        code: 'vars-file-differs',
        message: `the name of a file of variables needs "${name}", ${why}`,
        at: named.at,
        details: ['Such a file is read before any host is chosen, and is the same for all of them.'],
        next: [
          'What differs from host to host stands in host_vars/HOST.yml or group_vars/GROUP.yml, beside the inventory or the playbook.',
        ],
      });
    const unshared = (name: string, hosts: string): PitrError =>
      refused(name, `which is not the same for ${hosts}`);
    const ofTasks: Layer = {
      kind: 'data',
      names: () => ['playbook_dir'],
      get: (name) => {
        if (name === 'playbook_dir') return play.directory;
        if (!(MAGIC_VARIABLES as readonly string[]).includes(name)) return undefined;
        throw refused(name, 'which tasks alone have');
      },
    };
    const scope = new Scope(
      [sharedFacts(inventory, unshared), templatesLayer(play.vars), ...layers, dataLayer(extraVars), ofTasks],
      masker,
    );
    const vars = await readVarsFile(String(scope.renderLocated(named)), play.directory, named);
    learnVars(masker, vars);
    layers.push(templatesLayer(vars));
  }
  return layers;
}
