import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import type { RunRequest } from '../../lib/engine/run/run-request.ts';
import { newDirectory, play } from './support.ts';

const YAML = `
- hosts: pair
  tasks:
    - { name: first, core.shell: { script: "echo first {{ inventory_hostname }} >> DIR/log" } }
    - { name: second, core.shell: { script: "test -e DIR/mended" } }
    - { name: third, core.shell: { script: "echo third {{ inventory_hostname }} >> DIR/log" } }
`;

/** Fails on hosts of an inventory, and goes on where it names others. */
async function resumedAmong(before: string, after: string, more: Partial<RunRequest> = {}) {
  const directory = await newDirectory();
  const inventory = join(directory, 'hosts.yml');
  const isNow = (hosts: string) =>
    writeFile(
      inventory,
      `pair: { hosts: { ${hosts} } }\nall: { vars: { ansible_connection: local }, hosts: { one: , two: } }\n`,
    );
  await isNow(before);
  const first = await play(YAML, { directory, inventories: [inventory], ...more });
  expect(first.outcome.status).toBe('failed');
  await isNow(after);
  await writeFile(join(directory, 'mended'), '');
  const { runId } = first.outcome;
  const wish = { inventories: [], extraVars: {}, mode: 'run', forks: 1, again: 'pitr resume' } as const;
  const second = await play(YAML, { ...resumeRequest(await readRun(runId), wish), directory });
  const lines = (await readFile(join(directory, 'log'), 'utf8')).trim().split('\n').sort();
  const warnings = second.events.flatMap((event) =>
    event.type === 'warning' ? [[event.host, event.text]] : [],
  );
  return { status: second.outcome.status, lines, warnings };
}

describe('where the inventory was edited meanwhile, a resumed run', () => {
  it('works on the hosts that its limit named by their places', async () => {
    const { status, lines } = await resumedAmong('one: , two: ', 'zero: , one: , two: ', {
      limit: 'all[1:]',
    });
    expect([status, lines]).toEqual(['ok', ['first two', 'third two']]);
  });

  it('says which hosts it has left as they are', async () => {
    const { status, lines, warnings } = await resumedAmong('one: , two: ', 'one: ');
    expect([status, lines]).toEqual(['ok', ['first one', 'first two', 'third one']]);
    expect(warnings).toEqual([
      [
        'two',
        'is none of the hosts of play "pair" any more: what the run has changed there stays as it is, and what was left to be done there is not done',
      ],
    ]);
  });

  it('says nothing of hosts that are all there', async () => {
    const { warnings } = await resumedAmong('one: , two: ', 'one: , two: , three: ');
    expect(warnings).toEqual([]);
  });
});
