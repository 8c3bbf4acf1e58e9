import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { databaseHosts, dataDirectory } from '../../lab/topology.ts';
import { splitWords } from '../../lib/base/values/split-words.ts';
import { CHECKS } from '../../lib/recovery/doctor/registry.ts';
import { fingerprint } from '../support/fingerprint.ts';
import { healthy } from '../support/lab.ts';
import { pitr } from '../support/pitr.ts';
import { doctor, openStage, otherInventory, type Stage, setting, sh } from './stage.ts';

let stage: Stage;
let nothingRecovered: string;

beforeAll(async () => {
  stage = await openStage();
  await healthy(stage.lab);
  await labSeed(stage.lab, silent);
  // A recovery leaves its logs until pitr commit, which the suites before this one need not have run.
  for (const host of databaseHosts)
    await stage.lab.mustExec(host, ['rm', '-rf', `${dataDirectory(host)}.pitr-run`]);
  nothingRecovered = await mkdtemp(join(tmpdir(), 'pitr-doctor-'));
});

afterAll(async () => {
  await rm(nothingRecovered, { recursive: true, force: true });
});

it('finds nothing on a healthy lab but that no recovery was ever tried, and changes nothing', async () => {
  const before = await fingerprint(stage.lab);
  const seen = await doctor(stage.inventory, [], { PITR_STATE_DIR: nothingRecovered });
  expect(seen.found.map(({ check, severity, text }) => `${severity} ${check}: ${text}`)).toEqual([
    'warning backups.drill: no backup of this cluster was ever restored from here',
  ]);
  expect(seen.exitCode).toBe(1);
  expect(await fingerprint(stage.lab)).toEqual(before);
  expect(new Set(seen.findings.map(({ check }) => check))).toEqual(new Set(CHECKS.map(({ id }) => id)));
});

it('says in its first line and by its exit code what monitoring is to show', async () => {
  const well = await pitr(['doctor', '-i', stage.inventory, '--only', 'tools,clocks']);
  expect(well.stdout).toMatch(
    /^PITR OK - nothing found; \d+ checks of 5 hosts \| critical=0 warning=0 unknown=0 time=/,
  );
  expect(well.exitCode).toBe(0);
  const unreadable = await pitr(['doctor', '-i', join(nothingRecovered, 'none.yml')]);
  expect(unreadable.stdout).toMatch(/^PITR UNKNOWN - nothing was examined: /);
  expect(unreadable.exitCode).toBe(3);
});

it('finds several faults at once, says what each means and prints commands that work', async () => {
  const { replica, leader } = stage;
  await sh(
    stage,
    replica,
    'chmod 0644 /etc/patroni/patroni.yml; mkdir "$1.pre-pitr.x"',
    stage.lab.shape.dataDirectory(replica),
  );
  const archive = await setting(stage, leader, 'archive_command', 'exit 1');
  try {
    const seen = await doctor(stage.inventory, [
      '--only',
      'secrets,leftovers,archiving.on',
      '-e',
      'patroni_service=nosuch',
    ]);
    expect(seen.exitCode).toBe(2);
    expect(seen.found.map(({ check, host, severity }) => [check, host, severity])).toEqual(
      expect.arrayContaining([
        ['secrets.hosts', replica, 'warning'],
        ['leftovers.beside', replica, 'warning'],
        ['archiving.on', leader, 'critical'],
      ]),
    );
    const [mend = ''] = seen.found.find(({ check }) => check === 'secrets.hosts')?.mend ?? [];
    const words = splitWords(mend);
    if (!Array.isArray(words)) throw new Error(`no words of a command: ${mend}`);
    expect((await pitr(words.slice(1))).exitCode).toBe(0);
    const again = await doctor(stage.inventory, ['--only', 'secrets.hosts']);
    expect(again.found).toEqual([]);
  } finally {
    await archive.takeBack();
    await sh(
      stage,
      replica,
      'chmod 0600 /etc/patroni/patroni.yml; rmdir "$1.pre-pitr.x"',
      stage.lab.shape.dataDirectory(replica),
    );
  }
});

it('calls a host that is not reached critical, and what only it could tell unknown', async () => {
  const { inventory } = await otherInventory(stage, 'unreached', (text) =>
    text.replace(/(name: |ansible_host: )(\S*)db4$/m, '$1$2nosuch'),
  );
  const seen = await doctor(inventory ?? '', ['--only', 'connections.reached,tools.node', '--host', 'db4']);
  expect(seen.found.map(({ check, host, severity }) => [check, host, severity])).toEqual([
    ['connections.reached', 'db4', 'critical'],
    ['tools.node', 'db4', 'unknown'],
  ]);
  expect(seen.exitCode).toBe(2);
});
