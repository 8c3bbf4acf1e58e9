import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PitrError } from '../../base/errors/pitr-error.ts';

/**
 * The directory of the product itself: the one that holds the package.json named `pitr`, above this file. It is
 * found from the sources, from `dist/`, and from an installed package alike. Throws kind `bug` where there is none.
 */
export function projectRoot(): string {
  const start = path.dirname(fileURLToPath(import.meta.url));
  for (let directory = start; ; directory = path.dirname(directory)) {
    if (isProduct(path.join(directory, 'package.json'))) return directory;
    if (directory === path.dirname(directory)) break;
  }
  throw new PitrError({
    kind: 'bug',
    code: 'installation-broken',
    message: `pitr's own files are missing: no package.json of pitr above ${start}`,
    next: ['Install pitr again.'],
  });
}

/** The product's own playbooks. */
export function productPlaybooks(): string {
  return path.join(projectRoot(), 'playbooks');
}

/** What a playbook among the product's own is called there; nothing for any other. */
export function ownPlaybook(file: string): string | undefined {
  const name = path.relative(productPlaybooks(), path.resolve(file));
  return name.startsWith('..') || path.isAbsolute(name) ? undefined : name;
}

function isProduct(file: string): boolean {
  if (!existsSync(file)) return false;
  const contents: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return contents !== null && typeof contents === 'object' && 'name' in contents && contents.name === 'pitr';
}
