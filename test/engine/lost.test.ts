import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { processMark } from '../../lib/engine/journal/beginning.ts';
import type { RunRequest } from '../../lib/engine/run/run-request.ts';
import { type StartedSshd, startSshd } from '../support/sshd.ts';
import { newDirectory, type Played, play } from './support.ts';

/**
 * A change whose connection is lost in the middle, the first time: its command goes on.
 * Every attempt notes in `begun` whether the command of the one before it is still there.
 */
const LOSES = `
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
const below = (pid) => [pid, ...readFileSync('/proc/' + pid + '/task/' + pid + '/children', 'utf8')
  .split(' ').filter(Boolean).flatMap((child) => below(Number(child)))];
export const module = ({ z, defineModule, PitrError }) => defineModule({
  summary: 'Loses its connection.',
  examples: '- site.loses: {}',
  params: z.strictObject({ fails: z.boolean().optional(), stays: z.boolean().optional() }),
  read: async () => ({}),
  plan: () => ({ summary: 'work for long' }),
  apply: async (host, change, params, context) => {
    if (params.fails === true) throw new PitrError({ kind: 'failed', code: 'odd', message: 'it fails' });
    const pids = existsSync('DIR/pid') ? [Number(readFileSync('DIR/pid', 'utf8'))] : [];
    const there = pids.some((pid) => { try { return process.kill(pid, 0); } catch { return false; } });
    appendFileSync('DIR/begun', there ? 'beside\\n' : 'alone\\n');
    if (pids.length > 0) return {};
    const child = spawn('sh', ['-c', 'sleep 100; true'], {
      detached: true, stdio: 'ignore', env: { ...process.env, PITR_CHANGE: context.runId + '.1' },
    });
    child.unref();
    writeFileSync('DIR/pid', String(child.pid));
    if (host.name === 'gone' && !params.stays) for (const pid of below(Number(readFileSync('SSHD/sshd.pid', 'utf8')))) process.kill(pid, 9);
    throw new PitrError(params.stays
      ? { kind: 'failed', code: 'command-not-ended', message: 'it does not end although it was killed' }
      : { kind: 'unreachable', code: 'connection-lost', message: 'the connection was lost' });
  },
  undo: { impossible: 'only for a test' },
  orphans: 'end',
});
`;

/** A ProxyCommand. */
const WAY = `
import { connect } from 'node:net';
const [host, port] = process.argv.slice(2);
const socket = connect(Number(port), host).on('error', () => process.exit(1)).on('close', () => process.exit(1));
process.stdin.pipe(socket);
socket.pipe(process.stdout);
`;

/** The first host is this machine; `gone` is one where nobody answers once the connection is lost. */
const inventory = ({ port, user, identityFile, knownHostsFile }: StartedSshd, gone: string): string => `
all:
  hosts:
    one: { ansible_connection: local }
    two: { ansible_connection: local }
    gone:
      ansible_host: 127.0.0.1
      ansible_port: ${port}
      ansible_user: ${user}
      ansible_ssh_private_key_file: ${identityFile}
      pitr_known_hosts: ${knownHostsFile}
      ${gone}
`;

/** `gone`: what the inventory says of that host beside; `config`: lines of its sshd_config. */
async function played(
  yaml: string,
  request: Partial<RunRequest> = {},
  { gone = '', config = [] }: { readonly gone?: string; readonly config?: readonly string[] } = {},
): Promise<Played> {
  const directory = await newDirectory();
  const sshd = await startSshd({ config });
  onTestFinished(sshd.stop);
  await mkdir(join(directory, 'modules', 'site'), { recursive: true });
  const loses = LOSES.replaceAll('DIR', directory).replaceAll('SSHD', sshd.directory);
  await writeFile(join(directory, 'modules', 'site', 'loses.mjs'), loses);
  const leaves = loses.replaceAll('site.loses', 'site.leaves').replace("orphans: 'end',", '');
  await writeFile(join(directory, 'modules', 'site', 'leaves.mjs'), leaves);
  await writeFile(join(directory, 'hosts.yml'), inventory(sshd, gone.replaceAll('DIR', directory)));
  onTestFinished(async () => {
    const pid = Number(await readFile(join(directory, 'pid'), 'utf8').catch(() => ''));
    if (pid > 0 && processMark(pid) !== undefined) process.kill(pid);
  });
  await writeFile(join(directory, 'way.mjs'), WAY);
  return play(yaml.replaceAll('SSHD', sshd.directory), {
    directory,
    inventories: [join(directory, 'hosts.yml')],
    ...request,
  });
}

const begun = ({ directory }: Played): Promise<string> => readFile(join(directory, 'begun'), 'utf8');

/** Whether what was left at work still is. */
async function atWork({ directory }: Played): Promise<boolean> {
  const mark = processMark(Number(await readFile(join(directory, 'pid'), 'utf8')));
  return mark !== undefined && !mark.endsWith(':ended');
}

describe('a change whose connection is lost in the middle', () => {
  it('has what it left at work ended before it is tried again', async () => {
    const run = await played(`
- hosts: one
  tasks:
    - { name: loses, site.loses: {}, until: "!result.failed", delay: 0 }
`);
    expect(run.outcome.status).toBe('ok');
    expect(await begun(run)).toBe('alone\nalone\n');
    expect(await atWork(run)).toBe(false);
    expect(run.events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        text: 'ended what was left at work: work for long',
      }),
    );
  });

  it('has what it left at work ended before it is rescued', async () => {
    const run = await played(`
- hosts: one
  tasks:
    - block:
        - { name: loses, site.loses: {} }
      rescue:
        - { name: rescued, debug: { msg: sees it } }
`);
    expect(run.outcome.status).toBe('ok');
    expect(run.results).toEqual(['one: loses: unreachable', 'one: rescued: ok']);
    expect(await atWork(run)).toBe(false);
  });

  it('is not covered by ignore_errors', async () => {
    const run = await played(`
- hosts: one
  tasks:
    - { name: loses, site.loses: {}, ignore_errors: true }
    - { name: after, debug: { msg: not reached } }
`);
    expect(run.outcome.error).toMatchObject({
      kind: 'unreachable',
      code: 'connection-lost',
      state: 'What it had left at work there was ended; how far it had come is not known.',
    });
    expect(run.results).toEqual(['one: loses: unreachable']);
    expect(await atWork(run)).toBe(false);
  });

  it('stays failed where what it left at work cannot be ended: no retry, no rescue, no always', async () => {
    const run = await played(`
- hosts: [one, gone]
  any_errors_fatal: true
  tasks:
    - block:
        - { name: loses, site.loses: {}, until: "!result.failed", delay: 0, when: inventory_hostname == "gone" }
      rescue:
        - { name: rescued, debug: { msg: not reached } }
      always:
        - { name: always, debug: { msg: where nothing is at work } }
    - { name: after, debug: { msg: not reached } }
`);
    expect(run.outcome.error).toMatchObject({ kind: 'unreachable', code: 'left-at-work', host: 'gone' });
    expect(run.outcome.error?.details).toContain('The change failed with: the connection was lost');
    expect(run.outcome.error?.next.at(-1)).toContain(`pitr resume ${run.outcome.runId}`);
    expect(run.results).toEqual(['one: loses: skipped', 'gone: loses: unreachable', 'one: always: ok']);
    expect(await begun(run)).toBe('alone\n');
  });

  it('counts on the host that did the work: nothing is done there for the other hosts of the play either', async () => {
    const run = await played(`
- hosts: [one, two]
  tasks:
    - name: loses
      site.leaves: { stays: true }
      delegate_to: gone
      when: inventory_hostname == "one"
    - { name: here, core.command: "true" }
    - block:
        - { name: there, core.command: touch DIR/beside, delegate_to: gone }
      rescue:
        - { name: rescued, debug: { msg: not reached } }
`);
    expect(run.results).toEqual([
      'one: loses: failed',
      'two: loses: skipped',
      'two: here: changed',
      'two: there: failed',
    ]);
    const errors = run.events.flatMap((event) =>
      event.type === 'host.result' && event.error !== undefined ? [event.error] : [],
    );
    expect(errors).toMatchObject([
      { code: 'left-at-work', host: 'gone', task: 'loses' },
      { code: 'left-at-work', host: 'gone', task: 'there' },
    ]);
    expect(existsSync(join(run.directory, 'beside'))).toBe(false);
  });

  it('counts in a loop, too, whatever failed there before it', async () => {
    const run = await played(`
- hosts: gone
  tasks:
    - block:
        - name: loses
          site.loses: { fails: "{{ item }}" }
          loop: [true, false]
          ignore_errors: true
      rescue:
        - { name: rescued, debug: { msg: not reached } }
`);
    expect(run.outcome.error).toMatchObject({ code: 'left-at-work' });
    expect(run.results).toEqual(['gone: loses: unreachable']);
  });
});

describe('a change on a host that was never reached', () => {
  it.each(['core.shell: "true"', 'core.command: "true"'])(
    'has left nothing at work: rescue and always run (%s)',
    async (task) => {
      const yaml = `
- hosts: gone
  tasks:
    - block:
        - { name: reaches, ${task} }
      rescue:
        - { name: rescued, debug: { msg: sees it } }
      always:
        - { name: always, debug: { msg: in any case } }
`;
      const run = await played(yaml, { extraVars: { ansible_port: 1 } });
      expect(run.outcome.error).toBeUndefined();
      expect(run.results).toEqual(['gone: reaches: unreachable', 'gone: rescued: ok', 'gone: always: ok']);
      expect(run.events).toContainEqual(
        expect.objectContaining({ error: expect.objectContaining({ code: 'connect-refused' }) }),
      );
    },
  );
});

describe('a change on a host that was reached before, and to which no way leads any more', () => {
  it.each([
    ['connect-refused', ''],
    ['openssh-failed', 'ansible_connection: openssh'],
    ['ssh-proxy-failed', `ansible_ssh_common_args: -o 'ProxyCommand=${process.execPath} DIR/way.mjs %h %p'`],
  ])('has left nothing at work: a rescue runs (%s)', async (code, gone) => {
    const yaml = `
- hosts: [one, gone]
  tasks:
    - { name: known, core.shell: "true" }
    - name: ends
      core.shell: kill -9 $(cat SSHD/sshd.pid) $(cat /proc/$(cat SSHD/sshd.pid)/task/*/children)
      when: inventory_hostname == "one"
- hosts: gone
  tasks:
    - block:
        - { name: looks, fs.stat: /, until: "!result.failed", retries: 2, delay: 0 }
      rescue:
        - { name: noticed, debug: { msg: it is gone } }
    - block:
        - { name: reaches, core.shell: "true" }
      rescue:
        - { name: rescued, debug: { msg: sees it } }
`;
    const run = await played(yaml, {}, { gone });
    expect(run.outcome.error).toBeUndefined();
    expect(run.results.slice(4)).toEqual([
      'gone: looks: unreachable',
      'gone: noticed: ok',
      'gone: reaches: unreachable',
      'gone: rescued: ok',
    ]);
    const errors = run.events.flatMap((event) => (event.type === 'host.result' ? [event.error?.code] : []));
    expect(errors).toContain(code);
  });
});

describe('a command whose end cannot be brought about, as no further connection comes about', () => {
  it('may be at work still: nothing else is done there', async () => {
    const yaml = `
- hosts: gone
  tasks:
    - block:
        - name: stays
          core.shell: { script: "kill $(cat SSHD/sshd.pid); echo $$ >DIR/pid; sleep 100; true", timeout: 10 }
      rescue:
        - { name: rescued, debug: { msg: beside it } }
`;
    const run = await played(yaml, {}, { config: ['MaxSessions 1'] });
    expect(run.results).toEqual(['gone: stays: unreachable']);
    expect(run.outcome.error).toMatchObject({ kind: 'unreachable', code: 'left-at-work', host: 'gone' });
    expect(await atWork(run)).toBe(true);
  });
});

describe('a command of a change that does not end although it was killed', () => {
  const yaml = (module: string) => `
- hosts: one
  tasks:
    - block:
        - { name: stays, ${module}: { stays: true }, until: "!result.failed", delay: 0 }
      rescue:
        - { name: rescued, debug: { msg: beside it } }
`;

  it('is ended by its mark before it is tried again', async () => {
    const run = await played(yaml('site.loses'));
    expect(run.outcome.status).toBe('ok');
    expect(await begun(run)).toBe('alone\nalone\n');
  });

  it('stops all else on its host where the change carries no mark: no retry, no rescue', async () => {
    const run = await played(yaml('site.leaves'));
    expect(run.outcome.error).toMatchObject({
      ...{ kind: 'failed', code: 'left-at-work', host: 'one' },
      message: 'a command of the change could not be ended: it does not end although it was killed',
    });
    expect(run.results).toEqual(['one: stays: failed']);
    expect(await begun(run)).toBe('alone\n');
    expect(await atWork(run)).toBe(true);
  });

  it.each(['', ', ignore_errors: true'])(
    'in a loop stops the items after it, too, and always (%s)',
    async (more) => {
      const run = await played(`
- hosts: one
  tasks:
    - block:
        - name: stays
          site.leaves: { stays: true, fails: "{{ item }}" }
          loop: [true, false, false]${more.replace(', ', '\n          ')}
      rescue:
        - { name: rescued, debug: { msg: beside it } }
      always:
        - { name: always, debug: { msg: beside it } }
    - { name: after, debug: { msg: beside it } }
`);
      expect(run.outcome.error).toMatchObject({ kind: 'failed', code: 'left-at-work' });
      expect(run.results).toEqual(['one: stays: failed']);
      expect(await begun(run)).toBe('alone\n');
    },
  );

  it('is not covered by ignore_errors, and no_log keeps nothing of it back but the words', async () => {
    const run = await played(`
- hosts: one
  tasks:
    - { name: stays, site.leaves: { stays: true }, ignore_errors: true, no_log: true }
    - { name: after, debug: { msg: beside it } }
`);
    expect(run.results).toEqual(['one: stays: failed']);
    expect(run.outcome.error).toMatchObject({
      code: 'left-at-work',
      message: 'a command of it could not be ended (not shown: no_log)',
      state: expect.stringContaining('may still be at work on one'),
      next: [expect.stringContaining(`pitr resume ${run.outcome.runId}`)],
    });
  });
});
