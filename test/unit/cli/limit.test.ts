import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLimit } from '../../../cli/limit.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-limit-'));
  await writeFile(join(directory, 'hosts'), '# the failed ones\ndb1\n\n  db2  # again\n!db3\r\n');
  await writeFile(join(directory, 'empty'), '\n# nobody\n');
});

afterAll(() => rm(directory, { recursive: true }));

describe('--limit', () => {
  it('is a pattern as typed', async () => {
    expect(await readLimit('barman,!db3', directory)).toBe('barman,!db3');
    expect(await readLimit(undefined, directory)).toBeUndefined();
  });

  it('@file is the patterns of the file, relative to where pitr was started', async () => {
    expect(await readLimit('@hosts', directory)).toBe('db1,db2,!db3');
    expect(await readLimit(`@${join(directory, 'hosts')}`, '/')).toBe('db1,db2,!db3');
  });

  it.each([
    ['@empty', 'limit-file-empty'],
    ['@missing', 'limit-file-unreadable'],
    ['@', 'limit-file-unreadable'],
    ['@nul\0', 'limit-file-unreadable'],
  ])('%j is refused: it must never come to mean all hosts', async (typed, code) => {
    await expect(readLimit(typed, directory)).rejects.toMatchObject({ kind: 'validation', code });
  });
});
