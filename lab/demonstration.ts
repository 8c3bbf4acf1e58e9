import { spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { type Accident, labAccident } from './accident.ts';
import { checkoutRoot } from './checkout.ts';
import { readMembers, sql } from './cluster.ts';
import { type Lab, prefixFrom } from './lab.ts';
import { seconds, timedReport } from './progress.ts';
import { proveRecovery } from './proof.ts';
import { resetLab } from './reset.ts';
import { labSeed } from './seed.ts';
import { database } from './shop.ts';
import { describeAccident } from './text.ts';
import type { DatabaseHost } from './topology.ts';
import { labUp } from './up.ts';

const target: DatabaseHost = 'db2';
const started = performance.now();

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function heading(text: string): void {
  say(`\n=== ${text} (${seconds(performance.now() - started)} since the start)\n`);
}

/** The whole story on the real lab, through the real command line: from nothing to a recovered cluster, with proof. */
export async function demo(): Promise<number> {
  const prefix = prefixFrom(process.env);
  heading('A PostgreSQL cluster with four members, and its backups');
  const lab = await freshSeededLab(prefix);

  heading('The accident');
  const accident = await labAccident(lab, timedReport(say));
  say(describeAccident(accident));
  const timelineBefore = Math.max(...(await readMembers(lab)).map((member) => member.timeline ?? 0));

  heading('What a recovery would change (--check writes nothing)');
  const recover = recoverArguments(lab, accident);
  const checked = await pitr([...recover, '--check']);
  if (checked !== 0) return stopped('--check', checked);

  heading('The recovery');
  const recovered = await pitr([...recover, '--yes']);
  if (recovered !== 0) return stopped('the recovery', recovered);

  heading('The proof');
  const evidence = await proveRecovery(lab, accident, target, timelineBefore);
  for (const { claim, holds, seen } of evidence)
    say(`${holds ? 'yes' : 'NO '}  ${claim}${holds ? '' : `  -- seen: ${seen}`}`);
  const good = evidence.every(({ holds }) => holds);
  say(
    good
      ? `\nRecovered, and proved, in ${seconds(performance.now() - started)} all in all.`
      : '\nThe proof failed.',
  );
  say(lookAround(lab));
  return good ? 0 : 1;
}

/** A seeded lab without history: made anew when it has been used before. */
async function freshSeededLab(prefix: string): Promise<Lab> {
  const report = timedReport(say);
  const up = await labUp(prefix, report);
  if (up.outcome === 'created' || (await isUntouched(up.lab))) {
    await labSeed(up.lab, report);
    return up.lab;
  }
  report('this lab has been used before: making it anew');
  return (await resetLab(prefix, report)).lab;
}

async function isUntouched(lab: Lab): Promise<boolean> {
  const members = await readMembers(lab);
  if (members.some(({ timeline }) => timeline !== 1)) return false;
  return (await sql(lab, 'db1', `select count(*) from pg_database where datname = '${database}'`)) === '0';
}

function recoverArguments(lab: Lab, accident: Accident): readonly string[] {
  return [
    'play',
    'recover.yml',
    '-i',
    relative(checkoutRoot, lab.files.dockerInventory),
    '-e',
    `backup=${accident.backup.id}`,
    '-e',
    `target=${target}`,
    '-e',
    `target_time=${accident.before}`,
    '-e',
    'auto_start=true',
    '-e',
    JSON.stringify({ verify: verification(accident) }),
  ];
}

/** What the data must say at that moment: checked by pitr before it promotes anything. */
function verification(accident: Accident): readonly object[] {
  return (
    Object.entries(accident.tables)
      // A table that was being dropped is locked at the moment itself, until the promotion.
      .filter(([, { rowsNow }]) => rowsNow !== null)
      .map(([table, { rowsThen }]) => ({
        name: `rows of ${table}`,
        database,
        sql: `select count(*) from ${table}`,
        expect: rowsThen,
      }))
  );
}

function pitr(args: readonly string[]): Promise<number> {
  say(`$ pitr ${args.map((arg) => (/^[\w./=:@+-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')}`);
  const child = spawn(process.execPath, [join(checkoutRoot, 'dist', 'cli', 'main.js'), ...args], {
    cwd: checkoutRoot,
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function stopped(what: string, code: number): number {
  say(`\nThe demo stops here: ${what} ended with exit code ${code}. The lab is as it was left.`);
  return code;
}

function lookAround(lab: Lab): string {
  const inventory = relative(checkoutRoot, lab.files.dockerInventory);
  return `
The lab is still up. Look around:
  npm run pitr -- status -i ${inventory}
  npm run pitr -- backups -i ${inventory}
  docker exec -it -u postgres ${lab.prefix}-${target} psql -p 5431 ${database}
Take it down:
  npm run lab -- down`;
}
