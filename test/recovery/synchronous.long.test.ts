import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader, readMembers, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts, isDatabaseHost, patroniPort } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError } from '../support/pitr.ts';

const LONG = 1_200_000;
const CONFIG = `http://localhost:${patroniPort}/config`;

let lab: Lab;
let scene: Scene;
let standby: DatabaseHost;
let configuredBefore: string;

beforeAll(async () => {
  lab = await sharedLab();
  configuredBefore = await configuration();
}, LONG);

afterAll(async () => {
  await curl('PUT', configuredBefore);
  const drop = `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'by_hand'`;
  await sql(lab, await currentLeader(lab), drop);
  // PostgreSQL does not start with a logical slot and a wal_level below it: Patroni drops them first.
  await Promise.all(databaseHosts.map((host) => slotsAre(host, '')));
  await restartMembers();
  await healthy(lab, 180_000);
}, LONG);

async function configuration(): Promise<string> {
  return lab.mustExec(await currentLeader(lab), ['curl', '-sS', CONFIG]);
}

async function curl(method: 'PATCH' | 'PUT', body: string): Promise<void> {
  await lab.mustExec(await currentLeader(lab), ['curl', '-sSf', '-X', method, '-d', body, CONFIG]);
}

/** For settings that PostgreSQL takes only at its start. */
async function restartMembers(): Promise<void> {
  const restart = ['patronictl', '-c', '/etc/patroni/patroni.yml', 'restart', 'patroni1', '--force'];
  await lab.mustExec(await currentLeader(lab), restart, { deadlineMs: 180_000 });
  await healthy(lab, 180_000);
}

/** The member that Patroni holds for the synchronous standby, once the leader waits for that one and for no other. */
async function synchronousStandby(): Promise<DatabaseHost> {
  const names = await waitFor({
    what: 'one synchronous standby, in the DCS and in PostgreSQL alike',
    deadlineMs: 300_000,
    attempt: async () => {
      const members = await readMembers(lab);
      const listed = members.filter(({ role }) => role === 'sync_standby').map(({ name }) => name);
      const leader = await currentLeader(lab);
      const waited = await sql(
        lab,
        leader,
        `select current_setting('synchronous_standby_names') ||
         coalesce((select ' ' || string_agg(application_name, ',') from pg_stat_replication where sync_state = 'sync'), '')`,
      );
      return { listed, waited };
    },
    done: ({ listed, waited }) => listed.length === 1 && waited === `${listed[0]} ${listed[0]}`,
    describe: ({ listed, waited }) => `Patroni lists "${listed.join(',')}", PostgreSQL says "${waited}"`,
  });
  const [name = ''] = names.listed;
  if (!isDatabaseHost(name)) throw new Error(`${name} is no node of the lab`);
  return name;
}

/** A cluster with a synchronous standby, a backup taken in that mode, and an accident since. */
async function accidentInSynchronousMode(settings: Readonly<Record<string, unknown>>): Promise<void> {
  await curl('PATCH', JSON.stringify({ synchronous_mode: true, ...settings }));
  await synchronousStandby();
  scene = await accidentOn(lab);
  standby = await synchronousStandby();
}

async function play(playbook: string, vars: Readonly<Record<string, string>>, ...more: string[]) {
  const extra = Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const inventory = chosenInventory(lab);
  const run = await pitr(['play', playbook, '-i', inventory, '--output', 'json', '--yes', ...extra, ...more]);
  expect(runError(run.events)).toBeUndefined();
  return { ...run, runId: run.events.find((event) => event.type === 'run.started')?.runId ?? '' };
}

const recover = (target: DatabaseHost, ...more: string[]) =>
  play(
    'recover.yml',
    { target, target_time: scene.accident.before, auto_start: 'true', new_backup: 'false' },
    ...more,
  );

/** The slots there that are not those of members. */
async function slotsAre(host: DatabaseHost, wanted: string): Promise<void> {
  const members = databaseHosts.map((name) => `'${name}'`).join();
  const names = `select coalesce(string_agg(slot_name, ' ' order by slot_name), '') from pg_replication_slots
    where not temporary and slot_name not in (${members})`;
  await waitFor({
    what: `the slots ${wanted} on ${host}`,
    deadlineMs: 180_000,
    attempt: () => sql(lab, host, names),
    done: (there) => there === wanted,
    describe: (there) => there,
  });
}

function asked({ events }: PitrResult): string {
  return events.flatMap((event) => (event.type === 'question.asked' ? event.details : [])).join('\n');
}

async function payments(): Promise<number> {
  return Number(
    await sql(lab, await currentLeader(lab), 'select count(*) from payments', { database: 'shop' }),
  );
}

describe('a cluster in synchronous mode', () => {
  it(
    'has a synchronous standby all the time while one that was it is recovered aside and taken back',
    async () => {
      await accidentInSynchronousMode({});
      const target = standby;
      await play('recover.yml', { target, target_time: scene.accident.before });
      expect(await synchronousStandby()).not.toBe(target);
      await play('rollback.yml', { target });
      await healthy(lab, 180_000);
      expect(await synchronousStandby()).not.toBe(target);
    },
    LONG,
  );

  it(
    'has one again, of the new leader, after the cut-over to the node that was it, as --check had said',
    async () => {
      standby = await synchronousStandby();
      const before = JSON.parse(await configuration()) as unknown;
      const check = await recover(standby, '--check');
      const run = await recover(standby);
      expectForeseen(check.events, run.events);
      expect(await currentLeader(lab)).toBe(standby);
      expect(await payments()).toBe(scene.accident.tables.payments.rowsThen);
      expect(run.stdout).toContain('Configuration, slots and archiving of the cluster are as before.');
      expect(JSON.parse(await configuration())).toEqual(before);
      // Asked at once: the run has waited for it.
      expect((await readMembers(lab)).filter(({ role }) => role === 'sync_standby')).toHaveLength(1);
      expect(await synchronousStandby()).not.toBe(standby);
      expect(asked(run)).not.toContain('synchronous_mode_strict');
    },
    LONG,
  );
});

describe('a cluster in strict synchronous mode, with replication slots', () => {
  let recovered = '';

  it(
    'is recovered though no client can write before a member streams, and what became of the slots is said',
    async () => {
      await accidentInSynchronousMode({
        synchronous_mode_strict: true,
        slots: {
          report: { type: 'physical' },
          cdc: { type: 'logical', database: 'shop', plugin: 'pgoutput' },
        },
        ignore_slots: [{ name: 'by_hand' }],
        postgresql: { parameters: { wal_level: 'logical' } },
      });
      await restartMembers();
      await synchronousStandby();
      await sql(lab, scene.leader, `select pg_create_physical_replication_slot('by_hand')`);
      await slotsAre(scene.leader, 'by_hand cdc report');

      const before = JSON.parse(await configuration()) as unknown;
      const target = databaseHosts.find((host) => host !== scene.leader && host !== standby) ?? 'db4';
      const run = await recover(target);
      recovered = run.runId;

      expect(asked(run)).toContain(
        `and then not until the first member streams from ${target}: synchronous_mode_strict is on`,
      );
      expect(await currentLeader(lab)).toBe(target);
      expect(await payments()).toBe(scene.accident.tables.payments.rowsThen);
      expect(JSON.parse(await configuration())).toEqual(before);
      await synchronousStandby();
      await slotsAre(target, 'cdc report');
      expect(run.stdout).toContain('replication slot by_hand (physical) is gone');
      expect(run.stdout).toContain('replication slot cdc (logical, pgoutput, shop) was made anew');
      expect(run.stdout).not.toContain('slot report');
    },
    LONG,
  );

  it(
    'has a synchronous standby of the old leader again after revert.yml',
    async () => {
      const before = JSON.parse(await configuration()) as unknown;
      await play('revert.yml', { recovery_run: recovered, leader: scene.leader });
      expect(await currentLeader(lab)).toBe(scene.leader);
      expect(JSON.parse(await configuration())).toEqual(before);
      await synchronousStandby();
    },
    LONG,
  );
});
