import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileHolds, linesOfFile } from '../../../../lib/engine/journal/journal-file.ts';

/** More than is read at once. */
const LONG = 'ä€😀'.repeat(60_000);

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-journal-file-'));
});

afterEach(() => rm(directory, { recursive: true }));

async function fileOf(text: string): Promise<string> {
  const path = join(directory, 'journal.jsonl');
  await writeFile(path, text);
  return path;
}

it.each([
  ['nothing', ['']],
  ['one line without its end', ['begun']],
  ['empty lines', ['', '', 'x', '']],
  [
    'a line that is longer than what is read at once, whose letters are cut',
    [LONG, 'short', `a${LONG}`, `ab${LONG}`, ''],
  ],
  ['many short lines', [...Array.from({ length: 60_000 }, (_, index) => `line ${index}`), '']],
])('the lines of a file are what stands in it: %s', async (_what, lines) => {
  const read: string[] = [];
  for await (const line of linesOfFile(await fileOf(lines.join('\n')))) read.push(line);
  expect(read).toEqual(lines);
});

it('a text is found wherever it stands, over the end of what is read at once, too', async () => {
  const path = await fileOf(`${'x'.repeat(256 * 1024 - 3)}20261122T144512-7f3a${LONG}`);
  expect(await fileHolds(path, '20261122T144512-7f3a')).toBe(true);
  expect(await fileHolds(path, '20261122T144512-7f3b')).toBe(false);
});
