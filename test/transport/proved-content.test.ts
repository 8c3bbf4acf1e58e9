import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { module } from '../../lib/modules/fs/copy.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import { newDirectory, play } from '../engine/support.ts';

const SIZE = 5 * 1024 * 1024;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function here() {
  const host = connectHost('here', { kind: 'local' });
  onTestFinished(() => host.close());
  return host;
}

it('a stream is put in place where it is what was told', async () => {
  const file = join(await newDirectory(), 'file');
  const text = 'x'.repeat(SIZE);
  await here().writeFile(file, Readable.from([text]), { sha256: sha256(text) });
  expect(await readFile(file, 'utf8')).toBe(text);
});

it('a stream that is anything else is not, and what lies there stays as it is', async () => {
  const directory = await newDirectory();
  const file = join(directory, 'file');
  await writeFile(file, 'before');
  const other = `${'x'.repeat(SIZE - 1)}y`;
  const sent = here().writeFile(file, Readable.from(['x'.repeat(SIZE)]), { sha256: sha256(other) });
  await expect(sent).rejects.toMatchObject({
    kind: 'failed',
    code: 'content-otherwise',
    evidence: { stderr: expect.stringContaining(`instead of ${sha256(other)}`) },
  });
  expect([await readFile(file, 'utf8'), await readdir(directory)]).toEqual(['before', ['file']]);
});

it('a file that is changed after it was hashed is not copied', async () => {
  const directory = await newDirectory();
  const [source, dest] = [join(directory, 'source'), join(directory, 'dest')];
  await writeFile(source, 'x'.repeat(SIZE));
  // In the same task: between the look, which hashes it, and the change.
  const { plan } = module;
  onTestFinished(() => void Object.assign(module, { plan }));
  Object.assign(module, {
    plan: (...given: Parameters<typeof plan>) => {
      writeFileSync(source, `${'x'.repeat(SIZE - 1)}y`);
      return plan(...given);
    },
  });
  const { outcome } = await play(`
- hosts: one
  tasks:
    - { name: copy, fs.copy: { src: ${source}, dest: ${dest} } }
`);
  expect(outcome.error).toMatchObject({ code: 'content-otherwise' });
  expect((await readdir(directory)).filter((name) => name.includes('dest'))).toEqual([]);
});
