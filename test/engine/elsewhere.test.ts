import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readRun } from '../../lib/engine/journal/read.ts';
import { runHere } from '../support/run-here.ts';
import { newDirectory, play } from './support.ts';

/** Works on one host, and writes a file on another. */
const BESIDE = `
export const module = ({ z, defineModule }) => defineModule({
  summary: 'Writes a file on another host.',
  examples: '- site.beside: { on: two, path: /tmp/x }',
  params: z.strictObject({ on: z.string(), path: z.string() }),
  read: async () => ({}),
  plan: (_, { on, path }) => ({ summary: 'write ' + path + ' on ' + on, on, path }),
  elsewhere: ({ on }) => [on],
  apply: async (host, { on, path }) => {
    await host.peer(on).writeFile(path, 'x');
    return {};
  },
  undo: async (host, { on, path }) => {
    await host.peer(on).must(['rm', '-f', '--', path]);
  },
});
`;

/** One host that is this machine has written a file on another one, and a newer change was made on the first alone. */
async function wroteBeside() {
  const directory = await newDirectory();
  await mkdir(join(directory, 'modules/site'), { recursive: true });
  await writeFile(join(directory, 'modules/site/beside.js'), BESIDE);
  const { outcome } = await play(
    `
- hosts: one
  tasks:
    - site.beside: { on: two, path: DIR/beside }
    - fs.copy: { dest: DIR/newer, content: x }
`,
    { directory },
  );
  expect(outcome).toMatchObject({ status: 'ok' });
  return { directory, runId: outcome.runId };
}

it('a change that writes to another host is made when it is known which machine that is, too', async () => {
  const { runId } = await wroteBeside();
  const { records } = await readRun(runId);
  const of = records.flatMap((record) =>
    record.type === 'host.met' ? [`met ${record.host}`] : record.type === 'change.intended' ? ['change'] : [],
  );
  expect(of.slice(0, 2).sort()).toEqual(['met one', 'met two']);
  expect(of.slice(2)).toEqual(['change', 'change']);
});

it.each([
  ['is another machine by now', '"name":"another"', /two is not the machine that run/],
  ['may be another one', '"nothing":""', /whether two is still the machine that run/],
])('nothing is taken back where the other host %s; the way without it is told', async (_, name, says) => {
  const { directory, runId } = await wroteBeside();
  const journal = await readFile(join(directory, 'state/runs', runId, 'journal.jsonl'), 'utf8');
  const copy = join(directory, 'copy.jsonl');
  const other = journal.replace(/("host":"two","machine":\{)"name":"[^"]*"/, `$1${name}`);
  await writeFile(copy, other);
  const { code, stderr } = await runHere(directory, 'undo', copy, '--trust-journal', '--yes');
  const told = stderr.replace(/\s+/g, ' ');
  expect([code, told]).toEqual([
    5,
    expect.stringMatching(/leave all that was done on two as it is: .* --keep 1 /),
  ]);
  expect(told).toMatch(says);
  expect(await readFile(join(directory, 'newer'), 'utf8')).toBe('x');
});
