import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keepRunsIn, newDirectory } from '../engine/support.ts';
import { runHere } from '../support/run-here.ts';

/** A playbook that changes something and then fails, and one that ends well. */
const FAILS = `- hosts: one
  tasks:
    - fs.copy: { dest: DIR/made, content: x }
    - core.command: { argv: ["false"], check: ["false"] }
`;
const REFUSES = `- hosts: one
  tasks:
    - fs.copy: { dest: DIR/made, content: x }
    - fs.stat: { path: DIR/nowhere }
      register: there
    - core.assert: { that: there.exists, refuse: not-now }
`;
const ENDS_WELL = '- hosts: one\n  tasks:\n    - fs.copy: { dest: DIR/made, content: x }\n';

async function said(
  playbook: string,
  ...options: string[]
): Promise<{ readonly code: number; readonly text: string }> {
  const directory = await newDirectory();
  keepRunsIn(join(directory, 'state'));
  await writeFile(join(directory, 'hosts.yml'), 'all: { hosts: { one: { ansible_connection: local } } }\n');
  await writeFile(join(directory, 'play.yml'), playbook.replaceAll('DIR', directory));
  const { code, stdout, stderr } = await runHere(
    directory,
    'play',
    'play.yml',
    '-i',
    'hosts.yml',
    ...options,
  );
  return { code, text: stdout + stderr };
}

const WAYS = /What you can do now|run\.ways/;

it.each([
  ['fails', FAILS, 2],
  ['is refused', REFUSES, 5],
])(
  'a run that %s after it has changed something says what can be done now; --check says nothing of it',
  async (_, playbook, code) => {
    for (const output of ['text', 'json']) {
      const real = await said(playbook, '--output', output);
      expect([real.code, real.text]).toEqual([code, expect.stringMatching(WAYS)]);
      const foreseen = await said(playbook, '--output', output, '--check');
      expect(foreseen.text).toContain('made');
      expect(foreseen.text).not.toMatch(WAYS);
    }
  },
);

it('--check of what would end well ends with what would change', async () => {
  const { code, text } = await said(ENDS_WELL, '--check');
  expect(code).toBe(0);
  expect(text).not.toMatch(WAYS);
});

it('a run that ended well does not wait for the journals of others', async () => {
  const directory = await newDirectory();
  const state = join(directory, 'state');
  keepRunsIn(state);
  const other = join(state, 'runs', '20261122T144512-7f3a');
  await mkdir(other, { recursive: true });
  // Who reads it waits for ever.
  execFileSync('mkfifo', [join(other, 'journal.jsonl')]);
  await writeFile(join(directory, 'hosts.yml'), 'all: { hosts: { one: { ansible_connection: local } } }\n');
  await writeFile(join(directory, 'play.yml'), ENDS_WELL.replaceAll('DIR', directory));
  const { code, stdout } = await runHere(
    directory,
    'play',
    'play.yml',
    '-i',
    'hosts.yml',
    '--output',
    'text',
  );
  expect([code, stdout]).toEqual([0, expect.stringContaining('Done in')]);
});
