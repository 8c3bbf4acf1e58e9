import { spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { BaseBackup } from '../../lab/archive.ts';
import { checkoutRoot } from '../../lab/checkout.ts';
import { currentLeader } from '../../lab/cluster.ts';
import { type Lab, prefixFrom } from '../../lab/lab.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { recreateLab } from '../../lab/up.ts';
import { fill } from './fill.ts';
import { measureRaw, measureRewind, type Raw } from './raw.ts';
import { report } from './report.ts';
import { parseAgain, parseSizes } from './sizes.ts';

export const recoveryHelp = `       npm run bench -- recovery [--data 200MB] [--wal 100MB] [--again '<variable=value> ...']

Makes the lab of PITR_LAB anew, fills it, and measures a recovery with its cut-over part by part, beside the stock tools
on the same hosts and the same data, before it and after it: barman recover, rsync, tar over ssh, barman-wal-restore,
pg_basebackup, pg_rewind. --again makes a second recovery to the same moment in the same lab, told otherwise:
wal_spool_bytes=0 lets no WAL come beforehand, members_from=old_data rewinds what the members had. Every member keeps the
old data of each recovery.
`;

/** Runs the recovery bench and prints what it has measured. Throws where a recovery fails. */
export async function benchRecovery(args: readonly string[]): Promise<void> {
  const sizes = parseSizes(args);
  const again = parseAgain(args);
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const prefix = prefixFrom(process.env);
  const { lab } = await recreateLab(prefix, say, async () => undefined);
  const { backup, moment } = await fill(lab, await currentLeader(lab), sizes);
  say(`data ${sizes.data / 1e6} MB, WAL ${sizes.wal / 1e6} MB; ${load()}`);
  const raw = [await measureTools(lab, backup)];
  say(load());
  const recoveries: (readonly string[])[] = [];
  for (const words of again === undefined ? [[]] : [[], again]) {
    const { target } = await nodesOf(lab);
    const all = [
      '-e',
      `target=${target}`,
      '-e',
      `target_time=${moment}`,
      '-e',
      `backup=${backup.id}`,
      ...words,
    ];
    recoveries.push(
      await pitr([
        ...['play', 'recover.yml', '-i', lab.files.dockerInventory, ...all],
        ...['-e', 'auto_start=true', '--yes', '--output', 'json'],
      ]),
    );
    say(`recovered ${target}${words.length === 0 ? '' : ` ${words.join(' ')}`}; ${load()}`);
  }
  const { leader, target } = await nodesOf(lab);
  raw.push([...(await measureTools(lab, backup)), await measureRewind(lab, target, leader)]);
  say(load());
  say(`\n${report({ recoveries, raw })}`);
}

/** Who leads now, and a member that does not. */
async function nodesOf(lab: Lab): Promise<{ readonly leader: DatabaseHost; readonly target: DatabaseHost }> {
  const leader = await currentLeader(lab);
  return { leader, target: lab.shape.members.find((host) => host !== leader) ?? leader };
}

async function measureTools(lab: Lab, backup: BaseBackup): Promise<readonly Raw[]> {
  const { leader, target } = await nodesOf(lab);
  return measureRaw(lab, target, leader, backup);
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
