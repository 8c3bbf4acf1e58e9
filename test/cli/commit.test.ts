import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { type Ended, runHere } from '../support/run-here.ts';
import { type Folder, folder } from '../unit/language/playbook/support/folder.ts';

/** The module of docs/writing-modules.md that moves old data aside. */
const STORE = blocksOf('docs/writing-modules.md').filter(({ language }) => language === 'ts')[1]?.text ?? '';

let dir: Folder;
let run: string;
let kept: string;
const outer = process.env.PITR_STATE_DIR;

beforeAll(async () => {
  dir = await folder({
    'modules/site/store.ts': STORE,
    'inventory.yml': 'all:\n  hosts:\n    localhost: { ansible_connection: local }\n',
    'play.yml': '- hosts: localhost\n  tasks:\n    - site.store: { data: "{{ playbook_dir }}/deep/data" }\n',
  });
  await mkdir(dir.file('deep/data'), { recursive: true });
  process.env.PITR_STATE_DIR = dir.file('state');
  const played = await runHere(dir.path, 'play', 'play.yml', '--output', 'json');
  expect({ code: played.code }, played.stdout + played.stderr).toEqual({ code: 0 });
  run = /"runId":"([^"]+)"/.exec(played.stdout)?.[1] ?? '';
  kept = dir.file(`deep/data.${run}`);
  expect(existsSync(kept)).toBe(true);
});

afterAll(async () => {
  if (outer === undefined) delete process.env.PITR_STATE_DIR;
  else process.env.PITR_STATE_DIR = outer;
  await dir[Symbol.asyncDispose]();
});

const commit = (...words: readonly string[]): Promise<Ended> => runHere(dir.path, 'commit', ...words);
const journal = (): string => readFileSync(dir.file(`state/runs/${run}/journal.jsonl`), 'utf8');

describe('pitr commit --check', () => {
  it('shows what would be removed, and removes nothing', async () => {
    const before = journal();
    const { code, stdout, stderr } = await commit(run, '--check');
    expect(stdout).toContain(kept);
    // There is no cluster here whose health could be proved.
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('Error:') });
    expect(existsSync(kept)).toBe(true);
    expect(journal()).toBe(before);
  });

  it('says so where nothing is kept any more', async () => {
    await rm(kept, { recursive: true });
    const { code, stdout } = await commit(run, '--check');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^Nothing is kept any more\.$/m),
    });
  });
});
