import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listModules } from '../../../lib/modules/registry.ts';

const ENGINE = join(import.meta.dirname, '../../../lib/engine');
/** Reads journals of 0.1.0, which say of a change who made it and not what it leaves behind. */
const READS_OLD_JOURNALS = 'journal/effects-of.ts';

it('the engine decides by effects: it names no module, so that of somebody else is treated like ours', async () => {
  const names = await listModules();
  expect(names).toContain('fs.move');
  const files = (await readdir(ENGINE, { recursive: true })).filter((file) => file.endsWith('.ts'));
  const found = await Promise.all(
    files
      .filter((file) => file !== READS_OLD_JOURNALS)
      .map(async (file) => {
        const text = await readFile(join(ENGINE, file), 'utf8');
        return names.filter((name) => text.includes(`'${name}'`)).map((name) => `${file}: ${name}`);
      }),
  );
  expect(found.flat()).toEqual([]);
});
