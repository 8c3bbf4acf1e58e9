import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listRuns } from '../../lib/engine/journal/read.ts';
import { keepRunsIn, newDirectory } from '../engine/support.ts';
import { runHere } from '../support/run-here.ts';

const write = (name: string, file: string) =>
  `    - { name: ${name}, fs.copy: { dest: ${file}, content: x } }\n`;
const NOT_YET =
  '    - { name: look, fs.stat: { path: DIR/mended }, register: mended }\n    - { name: not yet, core.assert: { that: mended.exists } }\n';

/** A controller, and what is typed on it. */
async function controller() {
  const directory = await newDirectory();
  keepRunsIn(join(directory, 'state'));
  await writeFile(join(directory, 'hosts.yml'), 'all: { hosts: { one: { ansible_connection: local } } }\n');
  const playbook = (tasks: string) =>
    writeFile(join(directory, 'play.yml'), `- hosts: one\n  tasks:\n${tasks.replaceAll('DIR', directory)}`);
  const pitr = async (...words: string[]) => {
    const { code, stdout, stderr } = await runHere(directory, ...words);
    return { code, said: stdout + stderr };
  };
  return { directory, playbook, pitr };
}

it('a task keeps the name that it had when it changed something, whatever has its place in the playbook by now', async () => {
  const { directory, playbook, pitr } = await controller();
  await playbook(write('first', 'DIR/first') + write('second', 'DIR/second') + NOT_YET);
  await pitr('play', 'play.yml', '-i', 'hosts.yml');
  const [run = ''] = await listRuns(join(directory, 'state'));
  await writeFile(join(directory, 'mended'), '');
  const looks = '    - { name: before, fs.stat: { path: / } }\n';
  await playbook(
    looks +
      write('first', 'DIR/first') +
      write('second', 'DIR/second') +
      NOT_YET +
      write('third', 'DIR/third'),
  );
  await pitr('resume', run, '--yes');
  const goesBack = async (name: string) =>
    (await pitr('undo', run, '--to', name, '--check')).said.match(/\w+(?= \(1 bytes\))/g);
  expect(await goesBack('first')).toEqual(['third', 'second', 'first']);
  expect(await goesBack('second')).toEqual(['third', 'second']);
  expect(await goesBack('third')).toEqual(['third']);
  const { code, said } = await pitr('undo', run, '--to', 'before', '--check');
  expect([code, said]).toEqual([64, expect.stringContaining('the run changed nothing in a task "before"')]);
});

it('the commands that lead to the change that was meant have what was typed', async () => {
  const { directory, playbook, pitr } = await controller();
  await playbook(write('same', 'DIR/a') + write('same', 'DIR/b'));
  await pitr('play', 'play.yml', '-i', 'hosts.yml');
  const [run = ''] = await listRuns(join(directory, 'state'));
  await cp(join(directory, 'state', 'runs', run, 'journal.jsonl'), join(directory, 'copy.jsonl'));
  keepRunsIn(join(directory, 'elsewhere'));
  const { said } = await pitr('undo', './copy.jsonl', '-i', 'hosts.yml', '--to', 'same');
  const [printed = ''] = said.match(/(?<=pitr )undo .*/) ?? [];
  expect(printed).toBe('undo ./copy.jsonl -i hosts.yml --from 1 --check');
  expect((await pitr(...printed.split(' '))).code).toBe(0);
});
