import { spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { checkoutRoot } from '../../lab/checkout.ts';
import { currentLeader } from '../../lab/cluster.ts';
import { prefixFrom } from '../../lab/lab.ts';
import { recreateLab } from '../../lab/up.ts';
import { fill } from './fill.ts';
import { outageOf, phasesOf } from './phases.ts';
import { measureRaw, measureRewind } from './raw.ts';
import { parseSizes } from './sizes.ts';

export const recoveryHelp = `       npm run bench -- recovery [--data 200MB] [--wal 100MB]

Makes the lab of PITR_LAB anew, fills it, and measures a recovery with its cut-over part by part, beside the stock tools
on the same hosts and the same data: barman recover, rsync, tar over ssh, barman-wal-restore, pg_basebackup, pg_rewind.
`;

const TARGET = 'db2';

/** Runs the recovery bench and prints what it has measured. Throws where the recovery fails. */
export async function benchRecovery(args: readonly string[]): Promise<void> {
  const sizes = parseSizes(args);
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const prefix = prefixFrom(process.env);
  const { lab } = await recreateLab(prefix, say, async () => undefined);
  const leader = await currentLeader(lab);
  const { backup, moment } = await fill(lab, leader, sizes);
  say(`data ${sizes.data / 1e6} MB, WAL ${sizes.wal / 1e6} MB; ${load()}`);
  const raw = await measureRaw(lab, TARGET, leader, backup);
  say(load());
  const words = ['-e', `target=${TARGET}`, '-e', `target_time=${moment}`, '-e', `backup=${backup.id}`];
  const lines = await pitr([
    ...['play', 'recover.yml', '-i', lab.files.dockerInventory, ...words],
    ...['-e', 'auto_start=true', '--yes', '--output', 'json'],
  ]);
  say(load());
  const rewind = await measureRewind(lab, leader, TARGET);
  say('');
  for (const { name, seconds } of phasesOf(lines))
    say(`${name.padEnd(44)}${seconds.toFixed(1).padStart(8)} s`);
  say(`${'nobody could write for'.padEnd(44)}${outageOf(lines).toFixed(1).padStart(8)} s`);
  say('');
  for (const { what, note, seconds } of [...raw, rewind])
    say(`${`${what} (${note})`.padEnd(44)}${seconds.toFixed(1).padStart(8)} s`);
}

function load(): string {
  return `load ${loadavg()[0]?.toFixed(1)}`;
}

function pitr(args: readonly string[]): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(checkoutRoot, 'dist', 'cli', 'main.js'), ...args], {
    cwd: checkoutRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const lines = Buffer.concat(output).toString().split('\n');
      if (code === 0) resolve(lines);
      else
        reject(
          new Error(`the recovery ended with exit code ${code}:\n${lines.slice(-6).join('\n').slice(-3000)}`),
        );
    });
  });
}
