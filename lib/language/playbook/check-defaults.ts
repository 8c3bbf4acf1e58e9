import { didYouMean } from '../../base/errors/nearest.ts';
import { paramsOf } from '../../modules/params.ts';
import { listModules, loadModule } from '../../modules/registry.ts';
import { checkTemplates } from './check-values.ts';
import type { Play } from './model.ts';
import type { Names } from './names.ts';
import type { ProblemList } from './problems.ts';

/** `module_defaults`: every param must be known to the module, or to some module of the family. */
export async function checkModuleDefaults(play: Play, names: Names, problems: ProblemList): Promise<void> {
  const entries = Object.entries(play.moduleDefaults);
  if (entries.length === 0) return;
  const all = await listModules([play.directory]);
  for (const [key, params] of entries) {
    checkTemplates(params, names, problems);
    const modules = key.includes('.') ? [key] : all.filter((name) => name.startsWith(`${key}.`));
    const known = new Set<string>();
    let open = false;
    for (const name of modules) {
      try {
        const set = paramsOf((await loadModule(name, [play.directory])).params);
        open ||= set?.open ?? true;
        for (const param of set?.params ?? []) known.add(param.name);
      } catch (error) {
        problems.take(error, params.at);
      }
    }
    for (const param of Object.keys(params.value)) {
      if (open || known.has(param)) continue;
      problems.add({
        code: 'param-unknown',
        message: `module_defaults: ${key} has no param "${param}"${didYouMean(param, known)}`,
        at: params.locateKey([param]),
      });
    }
  }
}
