import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { newDirectory, play } from '../engine/support.ts';

const READ_NOTE = join(productPlaybooks(), 'tasks/read-note.yml');

/** Reads a note as the product's playbooks do; the code that it was refused with, or nothing. */
async function refusalOf(note: string | object): Promise<string | undefined> {
  const directory = await newDirectory();
  const path = join(directory, 'data.pitr.json');
  await writeFile(path, typeof note === 'string' ? note : JSON.stringify(note));
  const { outcome } = await play(
    `
- hosts: one
  vars: { note: ${path}, kept: /data.pre-pitr }
  tasks:
    - import_tasks: ${READ_NOTE}
`,
    { directory },
  );
  return outcome.error?.code;
}

const OURS = {
  run: '20261122T144512-7f3a',
  old_data: '/data.pre-pitr.20261122T144512-7f3a',
  target_time: 'latest',
};

/** It lies where PostgreSQL's user may write, and pitr moves directories as root by what it says. */
describe('the note of a recovery', () => {
  it('is believed as recover.yml writes it', async () => {
    expect(await refusalOf(OURS)).toBeUndefined();
  });

  it.each([
    ['another directory', { ...OURS, old_data: '/etc' }],
    ['a way out of the directory', { ...OURS, run: '../../etc', old_data: '/data.pre-pitr.../../etc' }],
    ['a run that is code', { ...OURS, run: '$(id)', old_data: '/data.pre-pitr.$(id)' }],
    ['a run of two lines', { ...OURS, run: 'a\nb', old_data: '/data.pre-pitr.a\nb' }],
    ['a run that is a list', { ...OURS, run: ['a'], old_data: '/data.pre-pitr.a' }],
    ['no old data', { run: OURS.run }],
    ['members that are no list', { ...OURS, members_down: { db2: true } }],
    ['a list', [OURS]],
    ['null', 'null'],
    ['no JSON', '{"run": '],
    ['nothing', ''],
  ])('is refused with %s in it', async (_, note) => {
    expect(await refusalOf(note)).toBeDefined();
  });

  it('is refused with any other path', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (path) => {
        fc.pre(path !== OURS.old_data);
        expect(await refusalOf({ ...OURS, old_data: path })).toBe('note-not-believed');
      }),
      { numRuns: 15 },
    );
  });
});
