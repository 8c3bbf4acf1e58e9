import { existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Io } from './io.ts';
import { usageError } from './usage-error.ts';

const FILES = ['inventory.yml', 'inventory.yaml'] as const;
const DIRECTORY = 'inventory';

/**
 * The inventories to read: those of `-i`; else those of $PITR_INVENTORY (several with `:` between); else
 * `inventory.yml` in the working directory; else the one file in `inventory/`. Two files there are two clusters as
 * likely as one, so they are never merged by accident: `-i inventory/` does it on purpose.
 *
 * Throws kind `usage` with what was looked for, or what there is to choose from.
 */
export function findInventories(typed: readonly string[], io: Pick<Io, 'env' | 'cwd'>): readonly string[] {
  if (typed.length > 0) return typed;
  const fromEnvironment = (io.env.PITR_INVENTORY ?? '').split(delimiter).filter((path) => path !== '');
  if (fromEnvironment.length > 0) return fromEnvironment;
  const file = FILES.find((name) => existsSync(join(io.cwd, name)));
  if (file !== undefined) return [file];
  const files = filesIn(join(io.cwd, DIRECTORY));
  const [only] = files;
  if (only !== undefined && files.length === 1) return [join(DIRECTORY, only)];
  if (files.length > 1) {
    throw usageError(
      'inventory-ambiguous',
      `there are ${files.length} inventories in ${DIRECTORY}/: which one?`,
      {
        next: [
          ...files.map((name) => `-i ${DIRECTORY}/${name}`),
          `or export PITR_INVENTORY=${DIRECTORY}/${files[0]}`,
        ],
      },
    );
  }
  throw usageError('inventory-missing', 'no inventory was given, and there is none here', {
    details: [`looked for $PITR_INVENTORY, ${FILES.join(', ')} and ${DIRECTORY}/ in ${io.cwd}`],
    next: ['Name one: -i path/to/inventory.yml', 'or for good: export PITR_INVENTORY=path/to/inventory.yml'],
  });
}

function filesIn(directory: string): string[] {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(directory)
    .filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.'))
    .sort();
}
