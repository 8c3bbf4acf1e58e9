import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
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

interface Hosts {
  readonly pair: string;
  readonly all?: string;
}

/** Fails on hosts of an inventory, and goes on where it names others. */
async function resumedAmong(
  before: Hosts,
  after: Hosts,
  { yaml = YAML, ...more }: Partial<RunRequest> & { readonly yaml?: string } = {},
) {
  const directory = await newDirectory();
  const inventory = join(directory, 'hosts.yml');
  const isNow = ({ pair, all = 'one: , two: ' }: Hosts) =>
    writeFile(
      inventory,
      `pair: { hosts: { ${pair} } }\nall: { vars: { ansible_connection: local }, hosts: { ${all} } }\n`,
    );
  await isNow(before);
  const first = await play(yaml, { directory, inventories: [inventory], ...more });
  expect(first.outcome.status).toBe('failed');
  await isNow(after);
  await writeFile(join(directory, 'mended'), '');
  const { runId } = first.outcome;
  const wish = { inventories: [], extraVars: {}, mode: 'run', forks: 1, again: 'pitr resume' } as const;
  const { outcome, results, events } = await play(yaml, {
    ...resumeRequest(await readRun(runId), wish),
    directory,
  });
  const lines = (await readFile(join(directory, 'log'), 'utf8')).trim().split('\n').sort();
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [[event.host, event.text]] : []));
  return { outcome, status: outcome.status, results, lines, warnings };
}

const LEFT_AS_IT_IS =
  'is none of the hosts of play "pair" any more: what the run has changed there stays as it is, and what was left to be done there is not done';

describe('where the inventory was edited meanwhile, a resumed run', () => {
  it('works on the hosts that its limit named by their places', async () => {
    const { status, lines } = await resumedAmong(
      { pair: 'one: , two: ' },
      { pair: 'zero: , one: , two: ' },
      { limit: 'all[1:]' },
    );
    expect([status, lines]).toEqual(['ok', ['first two', 'third two']]);
  });

  it('says which hosts it has left as they are', async () => {
    const { status, lines, warnings } = await resumedAmong({ pair: 'one: , two: ' }, { pair: 'one: ' });
    expect([status, lines]).toEqual(['ok', ['first one', 'first two', 'third one']]);
    expect(warnings).toEqual([['two', LEFT_AS_IT_IS]]);
  });

  it('goes on without a host that the inventory does not have at all any more, and says that nobody looked there', async () => {
    const { status, lines, warnings } = await resumedAmong(
      { pair: 'one: , two: ' },
      { pair: 'one: ', all: 'one: ' },
    );
    expect([status, lines]).toEqual(['ok', ['first one', 'first two', 'third one']]);
    expect(warnings).toEqual([
      ['two', LEFT_AS_IT_IS],
      [
        'two',
        'is not in the inventory any more: nobody has looked whether something that the run began there is still at work',
      ],
    ]);
  });

  it('says nothing of hosts that are all there', async () => {
    const { warnings } = await resumedAmong({ pair: 'one: , two: ' }, { pair: 'one: , two: , three: ' });
    expect(warnings).toEqual([]);
  });
});

/** Nothing listens on port 1. */
const TWO_AWAY = `one: , two: { ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1, ansible_user: ${userInfo().username} }`;

describe('where a host on which a change failed does not answer, a resumed run', () => {
  it('goes on with the others, and does nothing there', async () => {
    const { outcome, results, lines, warnings } = await resumedAmong(
      { pair: 'one: , two: ' },
      { pair: 'one: , two: ', all: TWO_AWAY },
    );
    expect(lines).toEqual(['first one', 'first two', 'third one']);
    expect(results).toEqual(['one: second: changed', 'two: second: unreachable', 'one: third: changed']);
    expect(outcome.status).toBe('failed');
    expect(outcome.error).toMatchObject({
      kind: 'unreachable',
      code: 'perhaps-left-at-work',
      host: 'two',
      next: expect.arrayContaining([
        expect.stringContaining(`When two answers again, go on: pitr resume ${outcome.runId}`),
      ]),
    });
    expect(warnings).toEqual([
      [
        'two',
        expect.stringMatching(
          /^nobody can look whether something that the run began there is still at work, so nothing is done there: .*refused/,
        ),
      ],
    ]);
  });

  it('ends well where there is nothing left to be done there', async () => {
    const { status, lines, warnings } = await resumedAmong(
      { pair: 'one: , two: ' },
      { pair: 'one: ', all: TWO_AWAY },
    );
    expect([status, lines]).toEqual(['ok', ['first one', 'first two', 'third one']]);
    expect(warnings).toHaveLength(2);
  });

  it('stops where the play says that all stop with one', async () => {
    const { status, lines } = await resumedAmong(
      { pair: 'one: , two: ' },
      { pair: 'one: , two: ', all: TWO_AWAY },
      { yaml: YAML.replace('tasks:', 'any_errors_fatal: true\n  tasks:') },
    );
    expect([status, lines]).toEqual(['failed', ['first one', 'first two']]);
  });

  it('neither rescues nor cleans up there: that would go on beside what is left', async () => {
    const yaml = `
- hosts: pair
  tasks:
    - block:
        - { name: first, core.shell: { script: "echo first {{ inventory_hostname }} >> DIR/log" } }
        - { name: second, core.shell: { script: "test -e DIR/mended" } }
      rescue:
        - { name: rescued, debug: { msg: beside it } }
        - { name: fails, core.shell: { script: "test -e DIR/mended" } }
      always:
        - { name: always, debug: { msg: beside it } }
`;
    const { results } = await resumedAmong(
      { pair: 'one: , two: ' },
      { pair: 'one: , two: ', all: TWO_AWAY },
      { yaml },
    );
    expect(results.filter((result) => result.startsWith('two'))).toEqual(['two: second: unreachable']);
  });
});
