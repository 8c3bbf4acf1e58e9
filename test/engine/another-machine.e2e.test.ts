import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRuns } from '../../lib/engine/journal/read.ts';
import { type OwnContainer, ownContainer, sweepContainers } from '../modules/own-container.ts';
import { runHere } from '../support/run-here.ts';
import { keepRunsIn, newDirectory } from './support.ts';

const execute = promisify(execFile);

let ours: OwnContainer;
let theirs: OwnContainer;

beforeAll(async () => {
  await sweepContainers();
  [ours, theirs] = await Promise.all([ownContainer(), ownContainer()]);
});

afterAll(async () => {
  await Promise.all([ours, theirs].map((container) => container[Symbol.asyncDispose]()));
});

const on = async (container: OwnContainer, ...argv: string[]): Promise<string> =>
  (await execute('docker', ['exec', container.name, ...argv])).stdout.trim();

/** What lies in the place that the run changes. */
const lies = (container: OwnContainer): Promise<string> => on(container, 'sh', '-c', 'cd /srv/pg && ls');

/** Two sites whose hosts have one name; a run on ours moved a directory aside, and failed after that. */
async function runOnOurs() {
  const directory = await newDirectory();
  keepRunsIn(join(directory, 'state'));
  for (const container of [ours, theirs])
    await on(
      container,
      'sh',
      '-c',
      'rm -rf /srv/pg && mkdir -p /srv/pg/data && echo rows >/srv/pg/data/rows',
    );
  const site = (name: string, { name: container }: OwnContainer) =>
    writeFile(
      join(directory, `${name}.yml`),
      `all: { hosts: { db1: { ansible_connection: docker, ansible_host: ${container} } } }\n`,
    );
  await Promise.all([site('ours', ours), site('theirs', theirs)]);
  await writeFile(
    join(directory, 'play.yml'),
    `- hosts: db1
  tasks:
    - { name: aside, fs.move: { src: /srv/pg/data, dest: "/srv/pg/data.{{ run_id }}" } }
    - { name: look, fs.stat: { path: /srv/pg/mended }, register: mended }
    - { name: not yet, core.assert: { that: mended.exists } }
    - { name: last, fs.directory: { path: /srv/pg/last } }
`,
  );
  const pitr = async (...words: string[]) => {
    const { code, stdout, stderr } = await runHere(directory, ...words);
    return { code, stdout, stderr: stderr.replace(/\s+/g, ' ') };
  };
  const ran = await pitr('play', 'play.yml', '-i', 'ours.yml');
  expect(ran.stdout + ran.stderr).toContain('not yet');
  const [run = ''] = await listRuns(join(directory, 'state'));
  const journal = () => readFile(join(directory, 'state', 'runs', run, 'journal.jsonl'), 'utf8');
  return { pitr, run, journal, kept: `data.${run}` };
}

describe('what goes back on a run, or goes on with it, works on the machine that the run has changed', () => {
  it.each([
    ['undo', '--yes'],
    ['resume', '--yes'],
    ['resume', '--check'],
  ])('%s %s is refused at another one of the same name, and leaves nothing behind', async (command, word) => {
    const { pitr, run, journal, kept } = await runOnOurs();
    const before = await journal();
    const { code, stderr } = await pitr(command, run, '-i', 'theirs.yml', word);
    const [name, other] = [await on(ours, 'uname', '-n'), await on(theirs, 'uname', '-n')];
    expect(stderr).toContain(`db1 is not the machine that run ${run} has changed: that was ${name}`);
    expect(stderr).toContain(`this is ${other}`);
    expect(stderr).toContain(`pitr ${command} ${run} -i theirs.yml --other-machine db1`);
    expect(code).toBe(5);
    expect([await lies(ours), await lies(theirs)]).toEqual([kept, 'data']);
    expect(await journal()).toBe(before);
  });

  it('where the machine is gone for good, its changes are left as they are', async () => {
    const { pitr, run, kept } = await runOnOurs();
    const { stderr } = await pitr('undo', run, '-i', 'theirs.yml', '--yes');
    const way = `pitr undo ${run} -i theirs.yml --keep 1`;
    expect(stderr).toContain(`leave all that was done on db1 as it is: ${way}`);
    expect((await pitr(...way.split(' ').slice(1))).stdout).toContain('There is nothing to take back.');
    expect(await lies(ours)).toBe(kept);
  });

  it('an inventory that was named by mistake does not stay the run’s', async () => {
    const { pitr, run } = await runOnOurs();
    expect((await pitr('resume', run, '-i', 'theirs.yml', '--yes')).code).toBe(5);
    expect((await pitr('undo', run, '--yes')).code).toBe(0);
    expect([await lies(ours), await lies(theirs)]).toEqual(['data', 'data']);
  });

  it('a start of the machine, or of what it runs in, makes no other one of it', async () => {
    const { pitr, run } = await runOnOurs();
    await execute('docker', ['restart', '-t', '0', ours.name]);
    expect((await pitr('undo', run, '--yes')).stdout).toContain('Done: 1 change taken back.');
    expect(await lies(ours)).toBe('data');
  });

  it('one that was renamed is worked on when a person says so, and is known by its new name after that', async () => {
    const { pitr, run, kept } = await runOnOurs();
    // As where the data was moved to a new machine.
    await on(theirs, 'sh', '-c', `mv /srv/pg/data /srv/pg/${kept} && touch /srv/pg/mended`);
    const { code, stderr } = await pitr('resume', run, '-i', 'theirs.yml', '--other-machine', 'db1', '--yes');
    expect([code, stderr]).toEqual([0, '']);
    expect(await lies(theirs)).toBe(`${kept}\nlast\nmended`);
    const back = await pitr('undo', run, '--from', '2', '--yes');
    expect(back.stdout).toContain('Done: 1 change taken back.');
    expect(await lies(theirs)).toBe(`${kept}\nmended`);
  });

  it('a host that the run did not change is none of which that can be said', async () => {
    const { pitr, run } = await runOnOurs();
    const { code, stderr } = await pitr('undo', run, '--other-machine', 'db2', '--yes');
    expect([code, stderr]).toEqual([64, expect.stringContaining('--other-machine names db2')]);
  });
});

it('pitr commit removes nothing on another machine', async () => {
  const { pitr, run, kept } = await runOnOurs();
  await on(ours, 'touch', '/srv/pg/mended');
  expect((await pitr('resume', run, '--yes')).code).toBe(0);
  // What lies there has the same name.
  await on(theirs, 'mv', '/srv/pg/data', `/srv/pg/${kept}`);
  const { code, stderr } = await pitr('commit', run, '-i', 'theirs.yml', '--yes');
  expect(stderr).toContain(`db1 is not the machine that run ${run} has changed`);
  expect(stderr).toContain(`pitr commit ${run} -i theirs.yml --other-machine db1`);
  expect(code).toBe(5);
  expect(await lies(theirs)).toBe(kept);
  expect((await pitr('commit', run, '--yes')).stdout).toContain('freed');
  expect(await lies(ours)).toBe('last\nmended');
});
