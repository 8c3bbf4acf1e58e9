import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { didYouMean } from '../../base/errors/nearest.ts';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { productPlaybooks } from './assets.ts';

/**
 * The file of a playbook as an operator names it: as given in the working directory, in `playbooks/` there, then
 * among the product's own; `.yml` may be left out. A path in the working directory is given back as it was typed.
 *
 * Throws kind `usage` with the playbooks that exist.
 */
export function findPlaybook(name: string, cwd: string = process.cwd()): string {
  const names = /\.ya?ml$/.test(name) ? [name] : [name, `${name}.yml`, `${name}.yaml`];
  for (const candidate of names) {
    if (isFile(path.resolve(cwd, candidate))) return candidate;
  }
  if (!path.isAbsolute(name) && !name.startsWith('.')) {
    for (const candidate of names) {
      const local = path.join('playbooks', candidate);
      if (isFile(path.resolve(cwd, local))) return local;
    }
    for (const candidate of names) {
      const own = path.join(productPlaybooks(), candidate);
      if (isFile(own)) return own;
    }
  }
  throw notFound(name, cwd);
}

function notFound(name: string, cwd: string): PitrError {
  const local = playbooksIn(path.join(cwd, 'playbooks'));
  const own = playbooksIn(productPlaybooks());
  const near = didYouMean(path.basename(name), [...playbooksIn(cwd), ...local, ...own]);
  const shown = (where: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${where}: ${names.join(', ')}`];
  return new PitrError({
    kind: 'usage',
    code: 'playbook-not-found',
    message: `no playbook "${name}"${near}`,
    details: [...shown('in ./playbooks', local), ...shown("pitr's own", own)],
    next: ['Give the path of a playbook, or the name of one of these.'],
  });
}

/** What cannot be looked into has none to offer. */
function playbooksIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((file) => /\.ya?ml$/.test(file));
  } catch {
    return [];
  }
}

/** Whatever keeps it from being looked at (a file in the place of a directory, a name too long): none that could be read. */
function isFile(file: string): boolean {
  try {
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
