import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { dataDirectory, postgresBin, postgresPort } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { DEFAULT_SEGMENT_SIZE, segmentAt, type WalSegment } from '../../lib/recovery/wal/segment.ts';
import { type TimelineId, timelineId } from '../../lib/recovery/wal/timeline.ts';
import { operate } from '../faults/operator.ts';
import {
  fileOf,
  nextTimeline,
  onBarman,
  putStray,
  segmentAfter,
  timelineName,
  walsOf,
} from '../support/archive-files.ts';
import { besideSegment } from '../support/beside-segment.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { picture } from '../support/picture.ts';
import { tasksThat } from '../support/pitr.ts';
import { type Played, play, told } from '../support/play.ts';

let lab: Lab;
let scene: Scene;
/** The number that the promotion of the cut-over will take. */
let coming: TimelineId;

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
  coming = timelineId(await nextTimeline(lab, scene.timeline));
  const { backup, before } = scene.accident;
  const vars = { target: scene.target, backup: backup.id, target_time: before };
  expect((await play(chosenInventory(lab), 'recover.yml', vars)).error).toBeUndefined();
});

afterAll(async () => {
  await onBarman(lab, 'rm -rf /var/lib/barman/*/strays /var/lib/barman/*/*.history.damaged');
  await healthy(lab, 180_000);
});

const cutover = (...more: readonly string[]): Promise<Played> =>
  play(chosenInventory(lab), 'cutover.yml', { target: scene.target }, ...more);

/** The cut-over as an operator types it is refused, and leaves everything as it is; the lock is as before, too. */
async function refused(): Promise<NonNullable<Played['error']>> {
  const before = await picture(lab);
  const { error, events } = await cutover();
  expect(error?.kind, error?.message).toBe('refused');
  const changed = tasksThat('changed', events);
  expect(changed.filter((task) => !task.endsWith(': Lock the cluster against other recoveries'))).toEqual([]);
  expect(await picture(lab)).toEqual(before);
  if (error === undefined) throw new Error('it was refused');
  return error;
}

const patronictl = (word: string) =>
  lab.mustExec(scene.leader, ['patronictl', '-c', '/etc/patroni/patroni.yml', word, '--wait'], {
    user: 'postgres',
  });
/** Types, as Barman's user, the last line of an error that is for Barman's host: what leads on with the run stands behind it. */
const typeOnBarman = (next: readonly string[] | undefined) =>
  onBarman(lab, next?.findLast((line) => !/pitr (?:resume|runs) /.test(line)) ?? 'false');

// One recovery waits for all of these, and goes over to its data in the last.
describe('a recovery that waits', () => {
  it.each([
    ['cutover.yml', {}],
    ['rollback.yml', {}],
    ['replay.yml', {}],
    ['forward.yml', { target_time: 'latest' }],
  ])(
    'is checked before %s, which foresees what it would do, and leaves everything as it is',
    async (playbook, vars) => {
      const before = await picture(lab);
      const check = await play(chosenInventory(lab), playbook, { target: scene.target, ...vars }, '--check');
      expect([check.error, check.exitCode]).toEqual([undefined, 0]);
      expect(await picture(lab)).toEqual(before);
    },
  );

  it('is not cut over in a pause that began meanwhile, on a node that has no curl as on one that has it', async () => {
    const curl = (from: string, to: string) =>
      lab.mustExec(scene.target, ['mv', `/usr/bin/${from}`, `/usr/bin/${to}`]);
    await patronictl('pause');
    try {
      await curl('curl', 'curl.away');
      const blind = await refused().finally(() => curl('curl.away', 'curl'));
      expect(blind.code).toBe('cluster-paused');
      const seeing = await refused();
      expect(seeing.code).toBe('cluster-paused');
      expect(seeing.next?.join('\n')).toMatch(/patronictl -c \S+ resume$/m);
    } finally {
      await patronictl('resume');
    }
    expect((await cutover('--check')).error).toBeUndefined();
  });

  it('is not promoted while a history file that came meanwhile is empty; the printed way leads on', async () => {
    const path = `${walsOf(scene.leader)}/${timelineName(coming)}.history`;
    await onBarman(lab, ': >"$1"', path);
    try {
      const error = await refused();
      expect(error).toMatchObject({ code: 'history-damaged', host: 'barman' });
      expect(error.details?.join('\n')).toContain(path);
      await typeOnBarman(error.next);
      expect((await cutover('--check')).error).toBeUndefined();
    } finally {
      await onBarman(lab, 'rm -f "$1"', path);
    }
  });

  it('is not promoted to a timeline of which WAL came meanwhile; the printed way leads on', async () => {
    const segment = await segmentAfter(lab, scene.accident.backup, coming);
    await putStray(lab, scene.leader, segment);
    try {
      const error = await refused();
      expect(error).toMatchObject({ code: 'next-timeline-has-wal', host: 'barman' });
      expect(error.details?.join('\n')).toContain(`${scene.leader}: ${segment}`);
      await typeOnBarman(error.next);
      expect((await cutover('--check')).error).toBeUndefined();
    } finally {
      await onBarman(lab, 'rm -f "$1"', fileOf(scene.leader, segment));
    }
  });

  it('and is promoted just before such WAL comes serves, and goes on to its end by what is printed', async () => {
    const { target } = scene;
    const first = segmentAt(coming, await replayedSegment(), DEFAULT_SEGMENT_SIZE);
    const later = besideSegment(first, 16);
    const run = await operate(
      ['play', 'cutover.yml', '-i', chosenInventory(lab), '-e', `target=${target}`, '--yes'],
      {
        'Promote the recovered node, still isolated': async () => {
          for (const segment of [first, later]) await putStray(lab, target, segment);
        },
      },
    );
    expect(run.error).toMatchObject({ kind: 'failed', code: 'archive-not-proved', host: 'barman' });
    expect(run.error?.message).toContain(first);
    expect(await currentLeader(lab)).toBe(target);
    await putAsideByBarman(first);
    await typeOnBarman(run.error?.next);

    const stopped = await goOn(run);
    expect(stopped.error).toMatchObject({ kind: 'failed', code: 'archive-not-proved', host: 'barman' });
    expect(stopped.error?.details?.join('\n')).toContain(later);
    await typeOnBarman(stopped.error?.next);

    expect((await goOn(stopped)).error).toBeUndefined();
    await healthy(lab, 180_000);
    const evidence = await proveRecovery(lab, scene.accident, target, scene.timeline);
    expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
    expect(await onBarman(lab, 'ls "$1"', `/var/lib/barman/${target}/errors`)).toBe('');
  });
});

/** The number of the segment in which the recovery stands at its moment. */
async function replayedSegment(): Promise<number> {
  const sql = `select ((pg_last_wal_replay_lsn() - '0/0') / ${DEFAULT_SEGMENT_SIZE})::bigint`;
  const psql = [`${postgresBin}/psql`, '-XAtq', '-h', `${dataDirectory(scene.target)}.pitr-run`];
  const words = ['-p', String(postgresPort), '-d', 'postgres', '-c', sql];
  return Number(await lab.mustExec(scene.target, [...psql, ...words], { user: 'postgres' }));
}

/** Barman comes to what the node has archived under a name that is taken. */
async function putAsideByBarman(segment: WalSegment): Promise<void> {
  await waitFor({
    what: `Barman to put the right ${segment} aside`,
    deadlineMs: 180_000,
    everyMs: 500,
    attempt: async () => {
      await onBarman(lab, 'barman -q cron');
      return onBarman(lab, 'ls "$1"', `/var/lib/barman/${scene.target}/errors`);
    },
    done: (names) => names.includes(segment),
    describe: (names) => names,
  });
}

/** Types the command by which a run that failed says that it goes on. */
async function goOn({ events }: Pick<Played, 'events'>): Promise<Played> {
  const ways = events.flatMap((event) => (event.type === 'run.ways' ? event.ways : []));
  const command = ways.find((way) => way.command?.startsWith('pitr resume '))?.command ?? '';
  return told([...command.split(' ').slice(1), '--yes', '--output', 'json']);
}
