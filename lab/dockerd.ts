import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { LabError } from './error.ts';
import { runLocally } from './local-command.ts';
import type { Report } from './progress.ts';

const program = 'dockerd';
const logFile = '/var/log/pitr-lab-dockerd.log';

/** A way round one kind of trouble that dockerd meets on machines that offer less than a real one. */
interface Fallback {
  readonly symptom: RegExp;
  readonly flags: readonly string[];
  readonly says: string;
}

const fallbacks: readonly Fallback[] = [
  {
    symptom: /graphdriver|storage[- ]driver|overlay/i,
    flags: ['--storage-driver=vfs'],
    says: 'this machine has no overlay file system: dockerd uses the slower storage driver vfs',
  },
  {
    symptom: /iptables|ip6tables|nftables|NAT chain/i,
    flags: ['--iptables=false', '--ip6tables=false'],
    says: 'this machine has no working iptables: dockerd runs without it (containers reach each other, not the outside)',
  },
];

/**
 * Starts dockerd so that it outlives this process, and returns the engine once it answers. When it
 * dies, its log decides which fallback is tried next. Throws a LabError with the end of the log
 * when nothing helps.
 */
export async function startDockerd<E>(answering: () => Promise<E | undefined>, report: Report): Promise<E> {
  if (existsSync('/run/systemd/system')) {
    await runLocally(['systemctl', 'start', 'docker']);
    const engine = await answersWithin(30_000, answering, () => true);
    if (engine) return engine;
  }
  await removeStalePidFile();
  const flags: string[] = [];
  const untried = new Set(fallbacks);
  for (;;) {
    const daemon = launch(flags);
    const engine = await answersWithin(30_000, answering, daemon.running);
    if (engine) {
      report(`dockerd runs${flags.length > 0 ? ` with ${flags.join(' ')}` : ''}, log in ${logFile}`);
      return engine;
    }
    daemon.end();
    const tail = (await readFile(logFile, 'utf8').catch(() => '')).trim().split('\n').slice(-8);
    const fallback = [...untried].find(({ symptom }) => symptom.test(tail.join('\n')));
    if (!fallback) {
      throw new LabError(`dockerd does not start, see ${logFile}. Its last words:\n  ${tail.join('\n  ')}`);
    }
    untried.delete(fallback);
    flags.push(...fallback.flags);
    report(fallback.says);
  }
}

function launch(flags: readonly string[]): { running: () => boolean; end: () => void } {
  const log = openSync(logFile, 'w');
  // It outlives the temporary folder of whoever starts it (a run of the tests), and every docker exec writes into its own.
  const { TMPDIR: _, ...env } = process.env;
  const child = spawn(program, [...flags], { detached: true, stdio: ['ignore', log, log], env });
  closeSync(log);
  let running = true;
  child.on('error', () => {
    running = false;
  });
  child.on('exit', () => {
    running = false;
  });
  child.unref();
  return {
    running: () => running,
    end: () => {
      if (running) child.kill('SIGTERM');
    },
  };
}

async function answersWithin<E>(
  deadlineMs: number,
  answering: () => Promise<E | undefined>,
  running: () => boolean,
): Promise<E | undefined> {
  const started = performance.now();
  while (running() && performance.now() - started < deadlineMs) {
    const engine = await answering();
    if (engine) return engine;
    await pause(300);
  }
  return undefined;
}

/** After a crash the number in the file may belong to another process by now, and dockerd would refuse to start. */
async function removeStalePidFile(): Promise<void> {
  const file = '/var/run/docker.pid';
  const pid = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (pid === '') return;
  const owner = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  if (owner.trim() !== 'dockerd') await rm(file, { force: true });
}
