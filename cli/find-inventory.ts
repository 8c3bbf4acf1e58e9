import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Io } from './io.ts';
import { usageError } from './usage-error.ts';

const FILES = ['inventory.yml', 'inventory.yaml'] as const;
const DIRECTORY = 'inventory';

/**
 * The inventories to read: those of `-i`; else those of $PITR_INVENTORY (several with `:` between); else
 * `inventory.yml` in the working directory; else the one file in `inventory/`, in YAML. Two inventories there, of whatever form,
 * are two clusters as likely as one, so none is chosen and they are never merged by accident: `-i inventory/` does it on purpose.
 *
 * Throws kind `usage` with what was looked for, or what there is to choose from.
 */
export async function findInventories(
  typed: readonly string[],
  io: Pick<Io, 'env' | 'cwd'>,
): Promise<readonly string[]> {
  if (typed.length > 0) return typed;
  const fromEnvironment = (io.env.PITR_INVENTORY ?? '').split(delimiter).filter((path) => path !== '');
  if (fromEnvironment.length > 0) return fromEnvironment;
  const file = FILES.find((name) => existsSync(join(io.cwd, name)));
  if (file !== undefined) return [file];
  const found = await inventoriesOf(join(io.cwd, DIRECTORY));
  const [first] = found.filter((name) => /\.ya?ml$/.test(name));
  if (first !== undefined && found.length === 1) return [join(DIRECTORY, first)];
  if (first !== undefined) {
    const files = [first, ...found.filter((name) => name !== first)];
    throw usageError(
      'inventory-ambiguous',
      `there are ${files.length} inventories in ${DIRECTORY}/: which one?`,
      {
        next: [
          ...files.map((name) => `-i ${DIRECTORY}/${name}`),
          `or export PITR_INVENTORY=${DIRECTORY}/${first}`,
        ],
      },
    );
  }
  throw usageError('inventory-missing', 'no inventory was given, and there is none here', {
    details: [`looked for $PITR_INVENTORY, ${FILES.join(', ')} and ${DIRECTORY}/ in ${io.cwd}`],
    next: ['Name one: -i path/to/inventory.yml', 'or for good: export PITR_INVENTORY=path/to/inventory.yml'],
  });
}

async function inventoriesOf(directory: string): Promise<readonly string[]> {
  if (!existsSync(directory)) return [];
  const { inventoriesIn } = await import('../lib/language/inventory/sources.ts');
  return inventoriesIn(directory);
}
