import { located } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import type { Mapping } from './fields.ts';
import { mergedArgs } from './located-args.ts';
import type { Play, Task } from './model.ts';

/** The params with `module_defaults` under them: those of the family only as far as this module knows them. */
export function withDefaults(
  task: Pick<Task, 'module' | 'args'>,
  play: Play,
  known: readonly string[],
): Located<Mapping> {
  const family = play.moduleDefaults[task.module.slice(0, task.module.indexOf('.'))];
  const own = play.moduleDefaults[task.module];
  if (family === undefined && own === undefined) return task.args;
  const common = Object.fromEntries(
    Object.entries(family?.value ?? {}).filter(([name]) => known.includes(name)),
  );
  const below =
    family === undefined
      ? []
      : [{ ...located(common, family.at), locate: family.locate, locateKey: family.locateKey }];
  const layers = [...below, ...(own === undefined ? [] : [own]), task.args];
  const [first = task.args, ...rest] = layers;
  return mergedArgs([first, ...rest]);
}
