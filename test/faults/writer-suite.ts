import { afterAll, beforeAll, expect, it } from 'vitest';
import { partsOfOutage } from '../../bench/recovery/outage.ts';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { database } from '../../lab/shop.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { type During, operate } from './operator.ts';
import { type Acknowledged, startWriter } from './writer.ts';

/** The lab that is written to, and the inventory by which it is recovered. */
interface Ground {
  readonly lab: () => Promise<Lab>;
  readonly inventory: (lab: Lab) => string;
}

let lab: Lab;
const outages: number[] = [];
/** By the name of the part, the seconds of each recovery. */
const parts = new Map<string, number[]>();
const counts = { acknowledged: 0, lost: 0, split: 0 };

/**
 * Somebody writes to every node through whole recoveries with a cut-over. Afterwards every acknowledged write is where
 * it has to be: nothing is lost, and nobody but the one leader of the time has accepted anything.
 * `words` go to each recovery, and `during` happens in each. Where nothing else is said, it is on the lab that the suites
 * share, and `PITR_TRANSPORT=ssh` chooses the transport.
 */
export function writeThroughRecoveries(
  runs: number,
  words: readonly string[] = [],
  during: During = {},
  ground: Ground = { lab: sharedLab, inventory: chosenInventory },
): void {
  beforeAll(async () => {
    lab = await ground.lab();
    await labSeed(lab, silent);
  });

  afterAll(() => {
    process.stdout.write(
      `\nwriter: ${outages.length} recoveries, ${counts.acknowledged} acknowledged writes, ${counts.lost} lost, ` +
        `${counts.split} accepted by two primaries; nobody could write for ${median(outages).toFixed(1)} s (median), ` +
        `${Math.max(...outages).toFixed(1)} s (worst)\n` +
        `  medians: ${inWords([...parts].map(([name, seconds]) => ({ name, seconds: median(seconds) })))}\n`,
    );
  });

  it.each(Array.from({ length: runs }, (_, index) => index + 1))(
    'recovery %i under constant writes loses no acknowledged write and never has two primaries',
    async () => {
      const leader = await currentLeader(lab);
      const target = lab.shape.members.find((host) => host !== leader) ?? leader;
      await sql(lab, leader, 'drop table if exists written; create table written (node text, seq bigint)', {
        database,
      });
      const writer = await startWriter(lab);
      const moment = await later(lab, leader);
      await archiveCurrentWal(lab, leader);
      const run = await operate(
        [
          ...['play', 'recover.yml', '-i', ground.inventory(lab), '--yes'],
          ...['-e', `target=${target}`, '-e', `target_time=${moment}`, '-e', 'auto_start=true'],
          ...words,
        ],
        during,
      );
      const acknowledged = await writer.stop();
      expect([run.exitCode, run.words]).toEqual([0, '']);
      const took = partsOfOutage(run.events);
      for (const { name, seconds } of took) parts.set(name, [...(parts.get(name) ?? []), seconds]);
      process.stdout.write(`  ${inWords(took)}\n`);
      judge(acknowledged, leader, target, Date.parse(moment) / 1000, await rowsOn(lab, target));
      await healthy(lab);
    },
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function inWords(took: readonly { readonly name: string; readonly seconds: number }[]): string {
  return took.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)} s`).join(', ');
}

/**
 * A moment that lies between commits of the writer, when it has written for a while. In whole milliseconds: `Date.parse`
 * drops what is below, and a write of that millisecond would be taken for a later one.
 */
async function later(lab_: Lab, leader: DatabaseHost): Promise<string> {
  const clock = `select pg_sleep(2); select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"');`;
  const said = await sql(lab_, leader, clock);
  return said.trim().split('\n').at(-1) ?? '';
}

async function rowsOn(lab_: Lab, node: DatabaseHost): Promise<ReadonlySet<string>> {
  const rows = await sql(lab_, node, "select node || ' ' || seq from written", { database });
  return new Set(rows.split('\n'));
}

function judge(
  acknowledged: readonly Acknowledged[],
  oldLeader: string,
  newLeader: string,
  moment: number,
  rows: ReadonlySet<string>,
): void {
  const byOld = acknowledged.filter(({ node }) => node === oldLeader);
  const byNew = acknowledged.filter(({ node }) => node === newLeader);
  const byOthers = acknowledged.filter(({ node }) => node !== oldLeader && node !== newLeader);
  const end = Math.max(...byOld.map(({ acked }) => acked));
  const begin = Math.min(...byNew.map(({ acked }) => acked));
  const mustBeThere = [...byNew, ...byOld.filter(({ acked }) => acked < moment)];
  const lost = mustBeThere.filter(({ node, seq }) => !rows.has(`${node} ${seq}`));
  counts.acknowledged += acknowledged.length;
  counts.lost += lost.length;
  counts.split += byOthers.length + byNew.filter(({ sent }) => sent < end).length;
  outages.push(begin - end);
  process.stdout.write(
    `  ${byOld.length} writes by ${oldLeader}, ${byNew.length} by ${newLeader}; none for ${(begin - end).toFixed(2)} s\n`,
  );
  expect(byNew.length).toBeGreaterThan(0);
  expect(byOthers).toEqual([]);
  expect(begin).toBeGreaterThan(end);
  expect(lost).toEqual([]);
  // What the old leader accepted after the moment is not in the recovered history: it is in its kept old data.
  const after = byOld.filter(({ sent }) => sent > moment);
  expect(after.length).toBeGreaterThan(0);
  expect(after.filter(({ node, seq }) => rows.has(`${node} ${seq}`))).toEqual([]);
}
