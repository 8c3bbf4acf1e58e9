import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkoutRoot } from '../../../lab/checkout.ts';

const MOST_LINES = 300;

it('a file of the product, the labs or the benchmarks has one reason to exist, and stays under 300 lines', async () => {
  const long: string[] = [];
  for (const folder of ['lib', 'cli', 'lab', 'bench']) {
    const files = (await readdir(join(checkoutRoot, folder), { recursive: true })).filter((file) =>
      file.endsWith('.ts'),
    );
    expect(files).not.toEqual([]);
    for (const file of files) {
      const lines = (await readFile(join(checkoutRoot, folder, file), 'utf8')).split('\n').length - 1;
      if (lines >= MOST_LINES) long.push(`${folder}/${file}: ${lines}`);
    }
  }
  expect(long).toEqual([]);
});
