import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { databaseHosts, dataDirectory } from '../../lab/topology.ts';
import { accidentOn, chosenInventory, type Scene, sharedLab } from '../support/lab.ts';
import { configurePatroni, restorePatroni } from '../support/patroni-config.ts';
import { pitr, runError } from '../support/pitr.ts';

let lab: Lab;

/** The only rule that lets Patroni in, by password, is for the whole world; and Patroni is no `postgres`. */
const RULES = `local all all trust
host replication all all scram-sha-256
host all all 0.0.0.0/0 scram-sha-256
`;
const CONFIG = '/etc/patroni/patroni.yml';

beforeAll(async () => {
  lab = await sharedLab();
  const leader = await currentLeader(lab);
  const config = await lab.mustExec(leader, ['cat', CONFIG]);
  const password = /superuser: \{username: postgres, password: "([^"]+)"\}/.exec(config)?.[1] ?? '';
  await sql(lab, leader, 'drop role if exists boss');
  await sql(lab, leader, `create role boss superuser login password '${password}'`);
  for (const host of databaseHosts) {
    const file = `${dataDirectory(host)}/pg_hba.conf`;
    await lab.mustExec(host, ['sh', '-c', `printf '%s' "$1" > ${file}`, 'sh', RULES]);
    await configurePatroni(lab, host, (text) =>
      text.replace('superuser: {username: postgres', 'superuser: {username: boss'),
    );
    await sql(lab, host, 'select pg_reload_conf()');
  }
});

afterAll(async () => {
  for (const host of databaseHosts) await restorePatroni(lab, host);
});

async function play(playbook: string, vars: Readonly<Record<string, string>>) {
  const extra = Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const inventory = ['-i', chosenInventory(lab)];
  const run = await pitr(['play', playbook, ...inventory, '--output', 'json', '--yes', ...extra]);
  return { ...run, error: runError(run.events) };
}

function towards({ target, accident }: Scene): Readonly<Record<string, string>> {
  return { target, backup: accident.backup.id, target_time: accident.before };
}

async function provesRecovered(scene: Scene): Promise<void> {
  const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
  expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
}

async function rulesOn({ target }: Scene): Promise<string> {
  return lab.mustExec(target, ['cat', `${dataDirectory(target)}/pg_hba.conf`]);
}

describe('where Patroni gets in by another role, and by a rule for everybody alone', {
  timeout: 900_000,
}, () => {
  it('the whole cluster follows the recovered node', async () => {
    const scene = await accidentOn(lab);
    const recovered = await play('recover.yml', { ...towards(scene), auto_start: 'true' });
    expect(recovered.error).toBeUndefined();
    await provesRecovered(scene);
    expect(await rulesOn(scene)).toBe(RULES);
  });

  it('a Patroni that would not get in ends the cut-over before anything is stopped', async () => {
    const scene = await accidentOn(lab);
    const { target } = scene;
    expect((await play('recover.yml', towards(scene))).error).toBeUndefined();
    const right = 'username: boss, password: "';
    const edit = (from: string, to: string) =>
      lab.mustExec(target, ['sed', '-i', `s/${from}/${to}/`, CONFIG]);

    await edit(right, `${right}not-`);
    const byItsLogins = await play('cutover.yml', { target });
    expect(byItsLogins.error).toMatchObject({ kind: 'refused', code: 'logins-refused' });
    const refused = await play('cutover.yml', { target, prove_logins: 'false' });
    expect(refused.error).toMatchObject({ kind: 'refused', code: 'patroni-locked-out' });
    for (const { error } of [byItsLogins, refused])
      expect(error?.details?.join('\n')).toContain('password authentication failed for user "boss"');
    const secret = /username: boss, password: "([^"]+)"/.exec(
      await lab.mustExec(target, ['cat', CONFIG]),
    )?.[1];
    expect(refused.stdout.includes(secret ?? '')).toBe(false);
    expect(await currentLeader(lab)).toBe(scene.leader);
    expect(await sql(lab, scene.leader, 'select pg_is_in_recovery()')).toBe('f');
    const closed = await rulesOn(scene);
    expect(closed).toContain('host all "postgres","boss" 127.0.0.1/32 scram-sha-256');
    expect(closed).not.toContain('0.0.0.0/0');

    await edit(`${right}not-`, right);
    expect((await play('cutover.yml', { target })).error).toBeUndefined();
    await provesRecovered(scene);
    expect(await rulesOn(scene)).toBe(RULES);
  });

  it('a Patroni that has rules in its own configuration opens the node itself, and they stay', async () => {
    const scene = await accidentOn(lab);
    const rules = ['local all all trust', 'host all,replication all 0.0.0.0/0 scram-sha-256'];
    await configurePatroni(lab, scene.target, (text) =>
      text
        .replace('superuser: {username: postgres', 'superuser: {username: boss')
        .replace(
          '\npostgresql:\n',
          `\npostgresql:\n  pg_hba:\n${rules.map((one) => `    - ${one}\n`).join('')}`,
        ),
    );
    const recovered = await play('recover.yml', { ...towards(scene), auto_start: 'true' });
    expect(recovered.error).toBeUndefined();
    await provesRecovered(scene);
    expect((await rulesOn(scene)).split('\n').filter((line) => /^\w/.test(line))).toEqual(rules);
  });
});
