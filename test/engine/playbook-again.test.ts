import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { listRuns, readRun } from '../../lib/engine/journal/read.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { runHere } from '../support/run-here.ts';
import { keepRunsIn, newDirectory, play } from './support.ts';

const WISH = { inventories: [], extraVars: {}, mode: 'run', forks: 1, again: 'pitr resume' } as const;

/** The journal of a run as it comes from a machine on which its playbook lies elsewhere. */
async function fromElsewhere(directory: string, runId: string, playbook: string): Promise<string> {
  const journal = await readFile(join(directory, 'state/runs', runId, 'journal.jsonl'), 'utf8');
  const copy = join(directory, 'copy.jsonl');
  await writeFile(copy, journal.replace(/"playbook":"[^"]*"/, `"playbook":"${playbook}"`));
  return copy;
}

const again = async (journal: string): Promise<string> =>
  resumeRequest(await readRun(journal), WISH).playbook;

describe('a run that is gone on with elsewhere', () => {
  it('has the playbook of the pitr that goes on with it, where it had one of its own', async () => {
    const directory = await newDirectory();
    keepRunsIn(join(directory, 'state'));
    await writeFile(
      join(directory, 'inventory.yml'),
      `
patroni:
  hosts: { one: { ansible_connection: local } }
  vars: { barman_host: one, barman_servers: [shop], patroni_config: ${directory}/none.yml }
`,
    );
    // Nobody answers here, and the run has begun all the same.
    expect((await runHere(directory, 'play', 'status.yml', '-i', 'inventory.yml')).code).not.toBe(0);
    const [runId = 'none'] = await listRuns();
    const own = join(productPlaybooks(), 'status.yml');
    expect((await readRun(runId)).started).toMatchObject({ playbook: own, own: 'status.yml' });
    expect(await again(await fromElsewhere(directory, runId, '/opt/other/playbooks/status.yml'))).toBe(own);
  });

  const FAILS = `
- hosts: one
  tasks:
    - core.command: [touch, DIR/done]
    - core.command: ["false"]
`;

  it('tells where a playbook of somebody has to be, and takes no other for it', async () => {
    const { outcome, directory } = await play(FAILS);
    const gone = join(directory, 'books/recover.yml');
    const copy = await fromElsewhere(directory, outcome.runId, gone);
    expect(await again(copy)).toBe(gone);
    const { code, stderr } = await runHere(directory, 'resume', copy, '--trust-journal', '--yes');
    expect(code).toBe(3);
    const told = stderr.replace(/\s+/g, ' ');
    expect(told).toContain(`the playbook of run ${outcome.runId} is not on this machine: ${gone}`);
    expect(told).toContain(`ln -s ${join(productPlaybooks(), 'recover.yml')} ${gone}`);
    expect(told).toContain(`Then go on: pitr resume ${copy} --trust-journal`);
  });

  it('knows one of pitr that was installed where an older journal does not say so', async () => {
    const { outcome, directory } = await play(FAILS);
    const old = '/usr/lib/node_modules/pitr/playbooks/recover.yml';
    const copy = await fromElsewhere(directory, outcome.runId, old);
    expect(await again(copy)).toBe(join(productPlaybooks(), 'recover.yml'));
  });
});
