import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkoutRoot } from '../lab/checkout.ts';
import { type BenchHosts, commonKnownHosts, inventoryOf, startHosts } from './hosts.ts';
import { type Contestant, inTurns, once } from './measure.ts';
import { benchRecovery, recoveryHelp } from './recovery/main.ts';
import { scale } from './scale.ts';
import { type Row, table } from './table.ts';
import { TASKS, type Workload, type WorkloadName, writeWorkloads } from './workloads.ts';

const CLI = join(checkoutRoot, 'dist', 'cli', 'main.js');
const BARE = join(checkoutRoot, 'dist', 'bench', 'bare.js');
const HOSTS = [1, 5, 20] as const;
const ROUNDS = 7;
/** What start-up is measured against. */
const NODE: Contestant = { argv: [process.execPath, '-e', '0'] };
/** Ansible takes minutes where the others take seconds. */
const ANSIBLE_ROUNDS = 1;

const help = `Usage: npm run bench [-- --no-ansible | -- scale]
${recoveryHelp}
Measures pitr on sshd hosts on 127.0.0.1 that it starts itself: start-up, ${TASKS} trivial commands, ${TASKS} new and ${TASKS}
unchanged templates on ${HOSTS.join(', ')} hosts, copies of 100 MB, and the controller's memory. Beside it a bare ssh2 program that
does the same over one standing shell a host, and Ansible where ansible-playbook is installed (pipelining,
ControlPersist and 20 forks on). They take turns: one run each in a round, ${ROUNDS} rounds (Ansible takes part in the first).
Times are medians; a ratio is the median of the ratios of the rounds, min-max the smallest and the largest of them. The
machine's load is printed before and after.

scale: time and memory of the controller with up to a thousand hosts: fifty sshds, then hosts that are only a protocol.
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

  pitr(args: readonly string[]): Contestant {
    return {
      argv: [process.execPath, CLI, ...args],
      env: { PITR_STATE_DIR: join(this.#directory, 'state') },
    };
  }

  play(workload: Workload, hosts: BenchHosts): Contestant {
    return this.pitr(['play', workload.pitr, '-i', hosts.inventory, '--output', 'text']);
  }

  async bare(what: WorkloadName, hosts: BenchHosts): Promise<Contestant> {
    const file = join(this.#directory, `bare${hosts.count}.json`);
    const list = hosts.sshds.map(({ port, user, identityFile }, index) => ({
      port,
      user,
      identityFile,
      files: join(this.#directory, `files${index}`),
    }));
    await writeFile(file, JSON.stringify(list));
    const source = what === 'copy' ? join(this.#directory, 'big.bin') : join(this.#directory, 'rendered');
    return { argv: [process.execPath, BARE, what, String(TASKS), file, source] };
  }

  ansible(workload: Workload, hosts: BenchHosts): Contestant | undefined {
    if (this.#knownHosts === undefined) return undefined;
    return {
      argv: ['ansible-playbook', '-i', hosts.inventory, workload.ansible],
      env: { ...ANSIBLE_ENV, ANSIBLE_SSH_COMMON_ARGS: `-o UserKnownHostsFile=${this.#knownHosts}` },
      cwd: this.#directory,
      rounds: ANSIBLE_ROUNDS,
    };
  }

  async row(what: WorkloadName, workload: Workload, hosts: BenchHosts): Promise<Row> {
    const prepare = workload.fresh ? () => this.#empty(hosts) : undefined;
    const bare = what === 'empty' ? NODE : await this.bare(what, hosts);
    const ansible = this.ansible(workload, hosts);
    const costs = await inTurns(
      {
        pitr: { ...this.play(workload, hosts), prepare },
        bare: { ...bare, prepare },
        ...(ansible === undefined ? {} : { ansible: { ...ansible, prepare } }),
      },
      ROUNDS,
    );
    return { what: workload.name, hosts: hosts.count, costs };
  }

  /** Removes what the workloads have written. */
  async #empty(hosts: BenchHosts): Promise<void> {
    for (const [index] of hosts.sshds.entries()) {
      for (const name of ['big', ...Array.from({ length: TASKS }, (_, n) => `f${n}`)])
        await rm(join(this.#directory, `files${index}`, name), { force: true });
    }
  }
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    process.stdout.write(help);
    return;
  }
  if (args[0] === 'recovery') {
    await benchRecovery(args.slice(1));
    return;
  }
  if (args.includes('scale')) return scale();
  const ansible = args.includes('--no-ansible') ? undefined : ansibleVersion();
  const directory = await mkdtemp(join(tmpdir(), 'pitr-bench-'));
  process.stdout.write(`Node ${process.version}; ${ansible ?? 'Ansible is not measured'}; ${loadOf()}\n`);
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
    const start = { pitr: bench.pitr(['--version']), bare: NODE };
    add({ what: 'pitr --version', hosts: 0, costs: await inTurns(start, ROUNDS * 2) });
    for (const count of HOSTS) {
      const hosts = await inventoryOf(sshds, count, directory);
      if (count === 1) {
        add(await bench.row('empty', work.empty, hosts));
      }
      add(await bench.row('commands', work.commands, hosts));
      add(await bench.row('fresh', work.fresh, hosts));
      await once(bench.play(work.templates, hosts));
      add(await bench.row('templates', work.templates, hosts));
      if (count !== 20) add(await bench.row('copy', work.copy, hosts));
    }
    process.stdout.write(`\n${loadOf()}\n\n${table(rows)}`);
  } finally {
    await Promise.all(sshds.map((sshd) => sshd.stop()));
    await rm(directory, { recursive: true, force: true });
  }
}

/** What else the machine does: the ratios hold beside it, the times do not. */
function loadOf(): string {
  return `load ${loadavg()[0]?.toFixed(1)}`;
}

await main(process.argv.slice(2));
