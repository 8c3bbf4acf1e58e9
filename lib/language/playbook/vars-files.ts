import { existsSync } from 'node:fs';
import path from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { loadYaml } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { productPlaybooks } from './assets.ts';
import { isMappingPart } from './fields.ts';
import type { Vars } from './model.ts';
import { ProblemList } from './problems.ts';
import { readText } from './read-text.ts';
import { namedVars } from './variables.ts';

/**
 * The variables of a file as `vars_files` or `defaults_files` name it (rendered): beside the playbook, or else among
 * pitr's own. Throws kind `validation` at `from` when it cannot be read, or in it when it is no mapping of names.
 */
export async function readVarsFile(name: string, directory: string, from: Located<string>): Promise<Vars> {
  const beside = path.resolve(directory, name);
  const own = path.resolve(productPlaybooks(), name);
  const file = !existsSync(beside) && existsSync(own) ? own : beside;
  const contents = loadYaml(file, await readText(file, (why, cause) => unreadable(from, why, cause)));
  if (contents.value === null) return {};
  if (!isMappingPart(contents)) {
    throw new PitrError({
      kind: 'validation',
      code: 'vars-file-not-a-mapping',
      message: 'a file of variables must be a mapping (name: value lines)',
      at: contents.at,
    });
  }
  const problems = new ProblemList();
  const vars = namedVars(contents, problems);
  problems.throwIfAny(file);
  return vars;
}

function unreadable(from: Located<string>, why: string, cause: unknown): PitrError {
  return new PitrError({
    kind: 'validation',
    code: 'vars-file-unreadable',
    message: `cannot read the file of variables "${from.value}": ${why}`,
    at: from.at,
    cause,
  });
}
