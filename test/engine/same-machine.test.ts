import { spawnSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startSshd } from '../support/sshd.ts';
import { newDirectory, type Played, play } from './support.ts';

const mayRename = spawnSync('unshare', ['-u', 'true']).status === 0;

/** Plays this on `db1`, which has become another machine behind the same address as soon as there is DIR/other. */
async function played(tasks: string, connection: 'ssh' | 'openssh' = 'ssh'): Promise<Played> {
  const directory = await newDirectory();
  const other = join(directory, 'other');
  const reached = `if [ -e ${other} ]; then exec unshare -u sh -c 'hostname another-one; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'; fi; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"`;
  const sshd = await startSshd({ config: [`ForceCommand ${reached}`] });
  onTestFinished(sshd.stop);
  const { port, user, identityFile, knownHostsFile } = sshd;
  const reach = {
    ansible_connection: connection,
    ansible_host: '127.0.0.1',
    ansible_port: port,
    ansible_user: user,
    ansible_ssh_private_key_file: identityFile,
    pitr_known_hosts: knownHostsFile,
  };
  await writeFile(join(directory, 'hosts.yml'), JSON.stringify({ all: { hosts: { db1: reach } } }));
  const cutOff = `kill -9 $(cat /proc/$(cat ${sshd.directory}/sshd.pid)/task/*/children)`;
  const yaml = `- hosts: db1\n  tasks:\n${tasks.replaceAll('CUT_OFF', cutOff).trim().replace(/^/gm, '    ')}\n`;
  return play(yaml, { directory, inventories: [join(directory, 'hosts.yml')] });
}

/** What was made in the directory, in the order of the alphabet. */
const made = async ({ directory }: Played): Promise<readonly string[]> =>
  (await readdir(directory)).filter((name) => ['before', 'after', 'lost', 'rescued'].includes(name));

describe.runIf(mayRename)('a run in its first process', () => {
  it.each(['ssh', 'openssh'] as const)(
    'changes nothing on another machine that has the place of one that it has changed (%s)',
    async (connection) => {
      const run = await played(
        `
- { name: before, core.shell: "touch DIR/before" }
- { name: taken, delegate_to: localhost, core.shell: "touch DIR/other; CUT_OFF" }
- { name: lost, fs.stat: DIR, until: "!result.failed", retries: 1, delay: 0 }
- { name: after, core.shell: "touch DIR/after" }
`,
        connection,
      );
      expect(run.outcome.error).toMatchObject({
        kind: 'refused',
        code: 'another-machine',
        host: 'db1',
        message: expect.stringContaining('this is another-one'),
        next: [
          expect.stringContaining('Put the way to db1 in the inventory right'),
          expect.stringContaining(`pitr resume ${run.outcome.runId} --other-machine db1`),
        ],
      });
      expect(await made(run)).toEqual(['before']);
    },
  );

  it('nor in a rescue, where a command was lost', async () => {
    const run = await played(`
- { name: before, core.shell: "touch DIR/before" }
- block:
    - { name: lost, core.shell: "touch DIR/other DIR/lost; CUT_OFF; sleep 60" }
  rescue:
    - { name: rescued, core.shell: "touch DIR/rescued" }
`);
    expect(run.results.at(-1)).not.toBe('db1: rescued: changed');
    expect(await made(run)).toEqual(['before', 'lost']);
  });

  it('goes on with one that is the same still', async () => {
    const run = await played(`
- { name: before, core.shell: "touch DIR/before" }
- { name: cut off, delegate_to: localhost, core.shell: CUT_OFF }
- { name: lost, fs.stat: DIR, until: "!result.failed", retries: 1, delay: 0 }
- { name: after, core.shell: "touch DIR/after" }
`);
    expect(run.outcome.error).toBeUndefined();
    expect(await made(run)).toEqual(['after', 'before']);
  });
});
