import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { namedSo } from '../../cli/named-run.ts';
import { listRuns, parseJournal } from '../../lib/engine/journal/read.ts';
import { keepRunsIn, newDirectory } from '../engine/support.ts';
import { runHere } from '../support/run-here.ts';

/** A run that failed on another controller: this one has a copy of its journal, and knows nothing of its id. */
async function failedElsewhere(last: string) {
  const directory = await newDirectory();
  keepRunsIn(join(directory, 'state'));
  await writeFile(join(directory, 'hosts.yml'), 'all: { hosts: { one: { ansible_connection: local } } }\n');
  await writeFile(
    join(directory, 'play.yml'),
    `- hosts: one
  tasks:
    - { name: write, fs.copy: { dest: ${directory}/file, content: x } }
    - ${last}
`,
  );
  const secret = ['-e', 'api_token=canary'];
  await runHere(directory, 'play', 'play.yml', '-i', 'hosts.yml', ...secret);
  const [id = 'none'] = await listRuns();
  await copyFile(join(directory, 'state/runs', id, 'journal.jsonl'), join(directory, 'journal.jsonl'));
  process.env.PITR_STATE_DIR = join(directory, 'other');
  const pitr = async (...words: string[]) => {
    const { code, stdout, stderr } = await runHere(directory, ...words, '--trust-journal', '--yes');
    const said = (stdout + stderr).replace(/\s+/g, ' ');
    return { code, said, byId: said.match(new RegExp(`pitr \\w+ ${id}`, 'g')) };
  };
  return { directory, id, pitr, resume: ['resume', './journal.jsonl', ...secret] };
}

describe('a run that is named by the path of its journal', () => {
  it('is called by that path in all commands that are printed: its id is not known there', async () => {
    const next = '["Go on: pitr resume {{ run_id }}", "Or see pitr runs {{ run_id }}."]';
    const { pitr, resume } = await failedElsewhere(
      `core.assert: { that: 1 == 2, fail_msg: no, next: ${next} }`,
    );
    const { code, said, byId } = await pitr(...resume);
    expect([code, byId]).toEqual([2, null]);
    expect(said).toContain("Go on: pitr resume ./journal.jsonl -e 'api_token=...' ");
    expect(said).toContain('Or see pitr runs ./journal.jsonl.');
    expect(said).toMatch(/Go on where it stood:? pitr resume \.\/journal\.jsonl -e 'api_token=\.\.\.'/);
    expect(said).toMatch(/Take it back:? pitr undo \.\/journal\.jsonl/);
  });

  it('is called so where it is refused, too', async () => {
    const { directory, pitr, resume } = await failedElsewhere('core.command: ["false"]');
    await writeFile(join(directory, 'play.yml'), '- hosts: one\n  tasks: [{ core.command: ["true"] }]\n');
    const { byId, said } = await pitr(...resume);
    expect([byId, said]).toEqual([
      null,
      expect.stringContaining('Take the run back: pitr undo ./journal.jsonl'),
    ]);
  });

  it('leaves other runs alone, and paths that begin with the id', () => {
    const id = '20260102T000000-0000';
    const started = { type: 'run.started', version: 1, time: 1, runId: id, playbook: 'p', inventories: [] };
    const run = parseJournal(
      JSON.stringify({ ...started, extraVars: {}, operator: 'me', pid: 1 }),
      'journal',
    );
    const named = { run, reference: `${id}/journal.jsonl` };
    const text = `pitr undo ${id}/journal.jsonl, pitr runs 20260101T000000-0000, --without-lock ${id}`;
    expect(namedSo(text, named)).toBe(text);
    expect(namedSo(`pitr undo ${id}.`, named)).toBe(`pitr undo ${id}/journal.jsonl.`);
  });
});
