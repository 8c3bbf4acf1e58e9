import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labFiles } from '../../lab/checkout.ts';
import { currentLeader, sql } from '../../lab/cluster.ts';
import { type Lab, prefixFrom } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { databaseHosts, dataDirectory } from '../../lab/topology.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { configurePatroni, restorePatroni } from '../support/patroni-config.ts';
import { pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let scene: Scene;
/** Of all roles of the lab, until they were changed. */
let old: string;

const NEW = { replicator: 'canary-replicator-1', barman: 'canary-barman-2', rewinder: 'canary-rewinder-3' };
const PGPASS = '/var/lib/barman/.pgpass';
const CONFIG = '/etc/patroni/patroni.yml';

/** After the moment: two passwords are set anew, and pg_rewind gets a role of its own that was not there before. */
async function changeLogins(): Promise<void> {
  const { leader } = scene;
  await sql(lab, leader, `alter role replicator password '${NEW.replicator}'`);
  await sql(lab, leader, `alter role barman password '${NEW.barman}'`);
  await sql(lab, leader, `create role rewinder login in role rewind password '${NEW.rewinder}'`);
  for (const host of databaseHosts) {
    await configurePatroni(lab, host, (text) =>
      text
        .replace(
          `username: replicator, password: "${old}"`,
          `username: replicator, password: "${NEW.replicator}"`,
        )
        .replace(`username: rewind, password: "${old}"`, `username: rewinder, password: "${NEW.rewinder}"`),
    );
  }
  await setPgpass(NEW.barman);
}

function setPgpass(password: string): Promise<string> {
  return lab.mustExec('barman', ['sed', '-i', `s/^\\(.*:barman:\\).*/\\1${password}/`, PGPASS]);
}

beforeAll(async () => {
  lab = await sharedLab();
  const config = await lab.mustExec('db1', ['cat', CONFIG]);
  old = /username: replicator, password: "([^"]+)"/.exec(config)?.[1] ?? '';
  const leader = await currentLeader(lab);
  await sql(lab, leader, `alter system set log_statement = 'all'`);
  await sql(lab, leader, 'select pg_reload_conf()');
  scene = await accidentOn(lab);
  await changeLogins();
});

afterAll(async () => {
  // Where it has not come to an end; refused where nothing waits.
  await run('play', 'rollback.yml', '-i', chosenInventory(lab), '-e', `target=${scene.target}`);
  const leader = await currentLeader(lab);
  await sql(lab, leader, `alter role replicator password '${old}'`);
  await sql(lab, leader, `alter role barman password '${old}'`);
  await setPgpass(old);
  for (const host of databaseHosts) await restorePatroni(lab, host);
  await sql(lab, leader, 'drop role if exists rewinder');
  for (const host of [leader, scene.leader]) {
    await lab.mustExec(host, [
      ...['sed', '-i', '/^log_statement/d', `${dataDirectory(host)}/postgresql.auto.conf`],
    ]);
    await sql(lab, host, 'select pg_reload_conf()');
  }
  await healthy(lab);
});

/** Everything that a run has shown or written down on the controller. */
async function run(...args: string[]) {
  const done = await pitr([...args, '--output', 'json', '--yes', '-vv']);
  const started = done.events.find((event) => event.type === 'run.started');
  return { ...done, error: runError(done.events), runId: started?.runId ?? '' };
}

describe('passwords and roles that are newer than the moment', { timeout: 900_000 }, () => {
  it('are named before anything is stopped, and are set to those of today where that is asked for', async () => {
    const { target, leader, accident } = scene;
    const verifier = await sql(lab, leader, `select rolpassword from pg_authid where rolname = 'replicator'`);
    const secrets = [...Object.values(NEW), old, verifier, verifier.split('$').at(-1) ?? verifier];
    const refused = await run(
      ...['play', 'recover.yml', '-i', chosenInventory(lab), '-e', `target=${target}`],
      ...['-e', `backup=${accident.backup.id}`, '-e', `target_time=${accident.before}`],
      ...['-e', 'auto_start=true'],
    );
    expect(refused.error).toMatchObject({ kind: 'refused', code: 'logins-refused', host: target });
    const told = [refused.error?.message, ...(refused.error?.details ?? [])].join('\n');
    const others = databaseHosts.filter((host) => host !== target);
    for (const host of others) {
      expect(told).toContain(`replicator from ${host} (for replication)`);
      expect(told).toContain(`rewinder from ${host} (for pg_rewind)`);
    }
    expect(told).toContain("barman from barman (Barman's conninfo)");
    expect(told).toContain('password authentication failed for user "replicator"');
    expect(told).toContain('replicator: its password has been set since that moment.');
    expect(told).toContain('rewinder: the role did not exist at that moment.');
    expect(await currentLeader(lab)).toBe(leader);
    expect(await sql(lab, leader, 'select pg_is_in_recovery()')).toBe('f');

    // Closed again: of the rules none is for another host, and no guest has stayed.
    const rules = await lab.mustExec(target, ['cat', `${dataDirectory(target)}/pg_hba.conf`]);
    expect(rules).toContain('pitr: closed');
    expect(rules).not.toMatch(/replicator|barman|rewinder/);
    const guests = await sql(
      lab,
      target,
      `select count(*) from pg_stat_activity where backend_type in ('client backend', 'walsender') and pid <> pg_backend_pid()`,
    );
    expect(guests).toBe('0');

    const command = /pitr resume \S+ -e sync_logins=true/.exec((refused.error?.next ?? []).join('\n'))?.[0];
    const resumed = await run(...(command ?? '').split(' ').slice(1));
    expect(resumed.error).toBeUndefined();
    const evidence = await proveRecovery(lab, accident, target, scene.timeline);
    expect(evidence.filter(({ holds }) => !holds)).toEqual([]);

    const state = join(labFiles(prefixFrom(process.env)).folder, 'state');
    const files = await readdir(state, { recursive: true, withFileTypes: true });
    const journals = await Promise.all(
      files
        .filter((file) => file.isFile() && file.parentPath.includes(refused.runId))
        .map((file) => readFile(join(file.parentPath, file.name), 'utf8')),
    );
    expect(journals.join('')).toContain('patroni.logins');
    const log = await lab.mustExec(target, ['cat', '/var/log/postgresql/postgresql.log']);
    expect(log).toContain('statement: ');
    const everything = [refused.stdout, refused.stderr, resumed.stdout, resumed.stderr, log, ...journals];
    for (const text of everything) expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  });
});
