import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import { deadlinePassed, until } from '../../lib/base/wait/until.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import type { Claim } from '../../lib/system/lock/claim.ts';
import { ownContainer } from '../modules/own-container.ts';
import { startSshd } from '../support/sshd.ts';

const execute = promisify(execFile);
const checkout = resolve(import.meta.dirname, '../..');
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

export type Transport = 'docker' | 'ssh';

/** A host that keeps locks, reached by a real transport, and a playbook that works on this machine under one of them. */
export interface Site extends AsyncDisposable {
  readonly directory: string;
  /** Where locks are kept on their host. */
  readonly place: string;
  /** Runs a shell text on the host that keeps the locks. */
  exec(text: string): Promise<{ readonly exitCode: number; readonly stdout: string }>;
  /** Cuts the network between controller and that host, without a word to either. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** A `pitr` process, as an operator on a machine of that name starts one. */
  pitr(machine: string, ...args: readonly string[]): PitrProcess;
}

export interface PitrProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly events: readonly PitrEvent[];
  readonly error: PitrErrorJson | undefined;
  readonly runId: string;
}

/**
 * Takes a lock, changes `one`, works until `go` is there (with `wait=true`), and changes `two`. All that it changes lies
 * in `work`.
 */
const playbook = (work: string): string => `
- name: Work under a lock
  hosts: here
  vars: { wait: false, stumble: nowhere, keep: false, about: nobody }
  tasks:
    - name: lock
      core.lock:
        name: the cluster
        user: "{{ lock_user }}"
        directory: "{{ place }}"
        purpose: "work as {{ machine }}"
        lease: 5
        keep: "{{ keep }}"
        allow: "{{ about }}"
        break: "{{ default break_lock omit }}"
      delegate_to: keeper
    - name: fail early
      core.fail: early
      when: stumble == "early"
    - name: one
      fs.copy: { dest: "${work}/one", content: "{{ run_id }}" }
    - name: wait
      core.shell:
        script: 'until [ -e "${work}/go" ]; do sleep 0.05; done'
        undo: "true"
      when: wait
    - name: fail late
      core.fail: late
      when: stumble == "late"
    - name: two
      fs.copy: { dest: "${work}/two", content: "{{ run_id }}" }
`;

export async function newSite(transport: Transport): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-lock-'));
  await mkdir(join(directory, 'work'));
  const host = transport === 'docker' ? await dockerHost() : await sshHost(directory);
  await writeFile(
    join(directory, 'inventory.yml'),
    `all: { hosts: { here: { ansible_connection: local }, keeper: ${JSON.stringify(host.vars)} } }\n`,
  );
  await writeFile(join(directory, 'play.yml'), playbook(join(directory, 'work')));
  const children: ChildProcess[] = [];
  return {
    directory,
    place: host.place,
    exec: host.exec,
    cut: host.cut,
    mend: host.mend,
    pitr: (machine, command, ...args) => {
      const words =
        command === 'play'
          ? [
              'play',
              join(directory, 'play.yml'),
              '-i',
              join(directory, 'inventory.yml'),
              ...['-e', `lock_user=${host.user}`, '-e', `place=${host.place}`, '-e', `machine=${machine}`],
            ]
          : [command ?? ''];
      const all = [...words, ...args, '--output', 'json'];
      const child = spawn(process.execPath, ['--import', TSX, join(checkout, 'cli/main.ts'), ...all], {
        cwd: directory,
        env: { ...process.env, PITR_STATE_DIR: join(directory, machine) },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      return { child, ended: ended(child) };
    },
    [Symbol.asyncDispose]: async () => {
      for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
      await host.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface KeeperHost extends Pick<Site, 'exec' | 'cut' | 'mend' | 'place'> {
  readonly vars: Readonly<Record<string, unknown>>;
  readonly user: string;
  stop(): Promise<void>;
}

async function dockerHost(): Promise<KeeperHost> {
  const container = await ownContainer();
  return {
    vars: { ansible_connection: 'docker', ansible_host: container.name },
    user: 'barman',
    place: '/var/lib/barman/.pitr',
    exec: (text) => run('docker', ['exec', container.name, 'sh', '-c', text]),
    cut: async () => void (await execute('docker', ['pause', container.name])),
    mend: async () => void (await execute('docker', ['unpause', container.name])),
    stop: async () => {
      await container[Symbol.asyncDispose]();
    },
  };
}

async function sshHost(directory: string): Promise<KeeperHost> {
  const sshd = await startSshd();
  return {
    vars: {
      ansible_connection: 'ssh',
      ansible_host: '127.0.0.1',
      ansible_port: sshd.port,
      ansible_user: sshd.user,
      ansible_ssh_private_key_file: sshd.identityFile,
      pitr_known_hosts: sshd.knownHostsFile,
    },
    user: sshd.user,
    place: join(directory, 'locks'),
    exec: (text) => run('sh', ['-c', text]),
    cut: async () => {
      for (const pid of await sshd.connections()) process.kill(pid, 'SIGSTOP');
    },
    mend: async () => {
      for (const pid of await sshd.connections()) process.kill(pid, 'SIGCONT');
    },
    stop: async () => sshd.stop(),
  };
}

async function run(program: string, args: readonly string[]) {
  return execute(program, args).then(
    ({ stdout }) => ({ exitCode: 0, stdout }),
    (error: { readonly code?: unknown; readonly stdout?: string }) => ({
      exitCode: typeof error.code === 'number' ? error.code : 255,
      stdout: error.stdout ?? '',
    }),
  );
}

async function ended(child: ChildProcess): Promise<Ended> {
  const out: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const events = Buffer.concat(out)
    .toString()
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as PitrEvent] : []));
  const started = events.find((event) => event.type === 'run.started');
  const withError = events.findLast(
    (event): event is Extract<PitrEvent, { readonly error?: PitrErrorJson }> & { error: PitrErrorJson } =>
      'error' in event && event.error !== undefined,
  );
  return { exitCode, events, error: withError?.error, runId: started?.runId ?? '' };
}

const FILE = 'the%20cluster';

/** The claim as it lies on the host; nothing where there is none. */
export async function claimAt({ exec, place }: Site): Promise<Claim | undefined> {
  const { stdout } = await exec(`cat '${place}/${FILE}.json' 2>/dev/null`);
  return stdout === '' ? undefined : (JSON.parse(stdout) as Claim);
}

/** Whether some process holds the kernel's lock. */
export async function isHeld({ exec, place }: Site): Promise<boolean> {
  const { exitCode } = await exec(`flock -s -n '${place}/${FILE}.lock' true 2>/dev/null`);
  return exitCode === 1;
}

/** Processes of holders on the host. */
export async function holders({ exec, place }: Site): Promise<string> {
  const { stdout } = await exec(`ps -eo pid,args | grep -F -- '${FILE}' | grep -F '${place}' | grep -v grep`);
  return stdout;
}

export async function eventually(
  what: string,
  is: () => Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  await until(is, {
    everyMs: 100,
    deadlineMs,
    done: (yes) => yes,
    late: () => deadlinePassed({ what, deadlineMs, lastSeen: 'no' }),
  });
}
