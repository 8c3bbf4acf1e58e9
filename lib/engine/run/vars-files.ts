import type { Masker } from '../../base/values/masker.ts';
import type { Play } from '../../language/playbook/model.ts';
import { readVarsFile } from '../../language/playbook/vars-files.ts';
import type { Located } from '../../language/yaml/located.ts';
import { dataLayer, type Layer, Scope, templatesLayer } from '../task/scope.ts';
import { learnVars } from './learn-secrets.ts';

/** The files of `vars_files` or `defaults_files` as layers, in order. Their names may use `-e` and the play's variables. */
export async function loadVarsFiles(
  play: Play,
  files: readonly Located<string>[],
  extraVars: Readonly<Record<string, unknown>>,
  masker: Masker,
): Promise<readonly Layer[]> {
  const layers: Layer[] = [];
  for (const named of files) {
    const scope = new Scope([templatesLayer(play.vars), ...layers, dataLayer(extraVars)], masker);
    const vars = await readVarsFile(String(scope.renderLocated(named)), play.directory, named);
    learnVars(masker, vars);
    layers.push(templatesLayer(vars));
  }
  return layers;
}
