import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkoutRoot } from '../lab/checkout.ts';
import { type BenchHosts, commonKnownHosts, inventoryOf, startHosts } from './hosts.ts';
import { type Cost, measure } from './measure.ts';
import { type Row, table } from './table.ts';
import { TASKS, type Workload, writeWorkloads } from './workloads.ts';

const CLI = join(checkoutRoot, 'dist', 'cli', 'main.js');
const BARE = join(checkoutRoot, 'dist', 'bench', 'bare.js');
const HOSTS = [1, 5, 20] as const;
const RUNS = 5;

const help = `Usage: npm run bench [-- --no-ansible]

Measures pitr on sshd hosts on 127.0.0.1 that it starts itself: start-up, ${TASKS} trivial commands and ${TASKS} unchanged
templates on ${HOSTS.join(', ')} hosts, a 100 MB copy, and the controller's memory. Beside it, as ratios: a bare ssh2
program that does the same over one standing shell a host, and Ansible where ansible-playbook is installed
(pipelining, ControlPersist and 20 forks on). Medians of ${RUNS} runs.
`;

function ansibleVersion(): string | undefined {
  try {
    return execFileSync('ansible-playbook', ['--version'], { encoding: 'utf8' }).split('\n')[0];
  } catch {
    // Not installed: pitr is measured against the bare program alone.
    return undefined;
  }
}

const ANSIBLE_ENV = {
  ANSIBLE_PIPELINING: 'True',
  ANSIBLE_FORKS: '20',
  ANSIBLE_SSH_ARGS: '-o ControlMaster=auto -o ControlPersist=60s',
  ANSIBLE_NOCOWS: '1',
};

class Bench {
  readonly #directory: string;
  /** Ansible's known_hosts; absent when Ansible is not measured. */
  readonly #knownHosts: string | undefined;

  constructor(directory: string, knownHosts: string | undefined) {
    this.#directory = directory;
    this.#knownHosts = knownHosts;
  }

  pitr(args: readonly string[], runs = RUNS): Promise<Cost> {
    return measure([process.execPath, CLI, ...args], {
      runs,
      env: { PITR_STATE_DIR: join(this.#directory, 'state') },
    });
  }

  play(workload: Workload, hosts: BenchHosts, runs = RUNS): Promise<Cost> {
    return this.pitr(['play', workload.pitr, '-i', hosts.inventory, '--output', 'text'], runs);
  }

  async bare(what: string, hosts: BenchHosts, source = '', runs = RUNS): Promise<Cost> {
    const file = join(this.#directory, `bare${hosts.count}.json`);
    const list = hosts.sshds.map(({ port, user, identityFile }, index) => ({
      port,
      user,
      identityFile,
      files: join(this.#directory, `files${index}`),
    }));
    await writeFile(file, JSON.stringify(list));
    return measure([process.execPath, BARE, what, String(TASKS), file, source], { runs });
  }

  async ansible(workload: Workload, hosts: BenchHosts): Promise<Cost | undefined> {
    if (this.#knownHosts === undefined) return undefined;
    const argv = ['ansible-playbook', '-i', hosts.inventory, workload.ansible];
    const env = { ...ANSIBLE_ENV, ANSIBLE_SSH_COMMON_ARGS: `-o UserKnownHostsFile=${this.#knownHosts}` };
    return measure(argv, { runs: 1, env, cwd: this.#directory });
  }
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    process.stdout.write(help);
    return;
  }
  const ansible = args.includes('--no-ansible') ? undefined : ansibleVersion();
  const directory = await mkdtemp(join(tmpdir(), 'pitr-bench-'));
  process.stdout.write(`Node ${process.version}; ${ansible ?? 'Ansible is not measured'}\n`);
  const sshds = await startHosts(Math.max(...HOSTS));
  try {
    const bench = new Bench(
      directory,
      ansible === undefined ? undefined : await commonKnownHosts(sshds, directory),
    );
    const work = await writeWorkloads(directory);
    const rows: Row[] = [];
    const add = (row: Row): void => {
      rows.push(row);
      process.stdout.write('.');
    };
    const node = await measure([process.execPath, '-e', '0'], { runs: RUNS * 2 });
    add({
      what: 'pitr --version',
      hosts: 0,
      pitr: await bench.pitr(['--version'], RUNS * 2),
      bare: node,
      ansible: undefined,
    });
    const all = await Promise.all(HOSTS.map((count) => inventoryOf(sshds, count, directory)));
    for (const hosts of all) {
      if (hosts.count === 1) {
        add({
          what: work.empty.name,
          hosts: 1,
          pitr: await bench.play(work.empty, hosts),
          bare: undefined,
          ansible: await bench.ansible(work.empty, hosts),
        });
      }
      await bench.play(work.templates, hosts, 1);
      for (const kind of ['commands', 'templates'] as const) {
        const [pitr, bare] = [await bench.play(work[kind], hosts), await bench.bare(kind, hosts)];
        add({
          what: work[kind].name,
          hosts: hosts.count,
          pitr,
          bare,
          ansible: await bench.ansible(work[kind], hosts),
        });
      }
    }
    const [one] = all;
    if (one !== undefined) add(await copyRow(bench, work.copy, one, directory));
    process.stdout.write(`\n\n${table(rows)}`);
  } finally {
    await Promise.all(sshds.map((sshd) => sshd.stop()));
    await rm(directory, { recursive: true, force: true });
  }
}

async function copyRow(bench: Bench, copy: Workload, hosts: BenchHosts, directory: string): Promise<Row> {
  const copied = join(directory, 'files0', 'big');
  const pitr = await bench.play(copy, hosts, 1);
  await rm(copied);
  const bare = await bench.bare('copy', hosts, join(directory, 'big.bin'), 1);
  const ansible = await bench.ansible(copy, hosts);
  return { what: copy.name, hosts: hosts.count, pitr, bare, ansible };
}

await main(process.argv.slice(2));
