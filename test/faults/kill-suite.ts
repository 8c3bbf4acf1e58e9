import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { accidentOn, chosenInventory, type Scene, sharedLab } from '../support/lab.ts';
import { pitr, runError, withoutWaits } from '../support/pitr.ts';
import { asBefore, type Before, rowsInIsolation, rowsThen, stateBefore, strays } from './cluster-state.ts';
import { type Chain, killedAfter, killedAtEveryBoundary } from './kill-chain.ts';
import { describePoint, type Killed, type KillPoint, killedAt } from './killed.ts';

/** Which points are tried. */
export interface KillPoints {
  /** `pitr undo` must lead out of each, and `pitr resume` another time. */
  readonly beforeCutOver: readonly KillPoint[];
  /** Points before the cut-over that are only taken back. */
  readonly onlyUndone?: readonly KillPoint[];
  /** `pitr resume` must lead out of each. */
  readonly inCutOver: readonly KillPoint[];
  /** Words for the recoveries that are killed in the cut-over. */
  readonly words?: readonly string[];
  /** Whether one recovery with a cut-over is killed at every boundary in a row, and another at many instants. */
  readonly inARow: boolean;
}

const IN_A_ROW_MS = 5_400_000;
/** Milliseconds after the beginning of each process; growing, so that what takes long comes to its end. */
const INSTANTS = [
  300, 700, 1_100, 1_900, 2_300, 2_900, 3_100, 3_700, 4_100, 4_300, 4_700, 5_300, 5_900, 6_100, 6_700, 7_100,
  7_300, 7_900, 8_300, 8_900,
];

let lab: Lab;
let scene: Scene;
let before: Before;
let ended = false;
const tally = { undo: [0, 0], resume: [0, 0], cutover: [0, 0], 'in a row': [0, 0] };

const arguments_ = (...more: readonly string[]): string[] => [
  'play',
  'recover.yml',
  '-i',
  chosenInventory(lab),
  '-e',
  `target=${scene.target}`,
  '-e',
  `backup=${scene.accident.backup.id}`,
  '-e',
  `target_time=${scene.accident.before}`,
  ...more,
];

const wordsFor = (point: KillPoint): string[] => arguments_(...('with' in point ? (point.with ?? []) : []));

/**
 * The controller is killed with SIGKILL at each of the points of a recovery. Then it is taken back, and another time
 * gone on with; rows, timelines, members and leftovers are looked at each time. `PITR_TRANSPORT=ssh` chooses the
 * transport.
 */
export function killTheController({
  beforeCutOver,
  onlyUndone = [],
  inCutOver,
  inARow,
  words = [],
}: KillPoints): void {
  afterAll(() => {
    const words = Object.entries(tally).map(([what, [good, all]]) => `${what} ${good} of ${all}`);
    process.stdout.write(`\nkilled controllers: ${words.join(', ')}\n`);
  });

  describe('a controller that is killed before the cut-over', () => {
    beforeAll(async () => {
      lab = await sharedLab();
      scene = await accidentOn(lab);
      before = await stateBefore(lab, scene.target);
    });

    const named = (points: readonly KillPoint[]) =>
      points.map((point) => ({ name: describePoint(point), point }));

    it.each(named(onlyUndone))('at $name: pitr undo brings everything back', async ({ point }) => {
      await takenBack(point);
    });

    it.runIf(onlyUndone.length > 0)('at every one of its boundaries, up to its end', () => {
      expect(ended).toBe(true);
    });

    it.each(named(beforeCutOver))(
      'at $name: pitr undo brings everything back, and pitr resume goes on to the moment',
      async ({ point }) => {
        if (await takenBack(point)) await goneOnWith(point);
      },
    );
  });

  describe.runIf(inCutOver.length > 0)('a controller that is killed in the cut-over', () => {
    it.each(inCutOver.map((point) => ({ name: describePoint(point), point })))(
      'at $name: pitr resume brings the whole cluster to the moment',
      async ({ point }) => {
        lab = await sharedLab();
        scene = await accidentOn(lab);
        const killed = await killedAt(point, arguments_('-e', 'auto_start=true', ...words));
        expect([killed.at, killed.error, killed.killed]).toEqual([killed.at, undefined, true]);
        tally.cutover[1] = (tally.cutover[1] ?? 0) + 1;
        const resumed = await pitr(['resume', killed.runId, '--yes', '--output', 'json']);
        expect([killed.at, runError(resumed.events)]).toEqual([killed.at, undefined]);
        await asWarned(resumed.events);
        await recovered(killed.at);
        // Its old data and its logs go too: the next suite finds none.
        const committed = withoutWaits(await pitr(['commit', killed.runId, '--yes']));
        expect([killed.at, committed.exitCode, committed.stderr]).toEqual([killed.at, 0, '']);
        tally.cutover[0] = (tally.cutover[0] ?? 0) + 1;
      },
    );
  });

  if (!inARow) return;
  describe('a recovery with its cut-over whose controller is killed over and over', () => {
    beforeEach(async () => {
      lab = await sharedLab();
      scene = await accidentOn(lab);
    });

    it(
      'once at every beginning and end of a task: each resume goes on, and the last one ends it',
      async () => {
        await endsWell(await killedAtEveryBoundary(arguments_('-e', 'auto_start=true')));
      },
      IN_A_ROW_MS,
    );

    it(
      'at instants that no task chose: half-done copies go on, and it comes to its end',
      async () => {
        await endsWell(await killedAfter(INSTANTS, arguments_('-e', 'auto_start=true')));
      },
      IN_A_ROW_MS,
    );
  });
}

/** False: the run came to its good end before that boundary. */
async function takenBack(point: KillPoint): Promise<boolean> {
  if (ended && 'boundary' in point) return false;
  const first = await killedAt(point, wordsFor(point));
  if (!first.killed) {
    // A run that fails has boundaries behind its failure, and a task that is never reached is no point.
    expect([first.at, first.error, 'boundary' in point]).toEqual([first.at, undefined, true]);
    ended = true;
    await undone(first);
    return false;
  }
  tally.undo[1] = (tally.undo[1] ?? 0) + 1;
  await undone(first);
  tally.undo[0] = (tally.undo[0] ?? 0) + 1;
  return true;
}

async function goneOnWith(point: KillPoint): Promise<void> {
  const second = await killedAt(point, wordsFor(point));
  expect([second.at, second.error, second.killed]).toEqual([second.at, undefined, true]);
  tally.resume[1] = (tally.resume[1] ?? 0) + 1;
  const resumed = await pitr(['resume', second.runId, '--yes', '--output', 'json']);
  expect([second.at, runError(resumed.events)]).toEqual([second.at, undefined]);
  expect(resumed.exitCode).toBe(0);
  expect([second.at, await rowsInIsolation(lab, scene.target)]).toEqual([second.at, rowsThen(scene)]);
  expect(await currentLeader(lab)).toBe(scene.leader);
  await undone(second);
  tally.resume[0] = (tally.resume[0] ?? 0) + 1;
}

async function endsWell({ kills, events, error }: Chain): Promise<void> {
  tally['in a row'][1] = (tally['in a row'][1] ?? 0) + kills.length;
  expect(error).toBeUndefined();
  await asWarned(events);
  await recovered(`${kills.length} kills`);
  tally['in a row'][0] = (tally['in a row'][0] ?? 0) + kills.length;
}

async function recovered(words: string): Promise<void> {
  const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
  expect([words, evidence.filter(({ holds }) => !holds)]).toEqual([words, []]);
  expect([words, await strays(lab)]).toEqual([words, []]);
}

/** Deletes the backups that broke off with their controllers, as the run says last that somebody should. */
async function asWarned(events: readonly PitrEvent[]): Promise<void> {
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.text] : []));
  const commands = warnings
    .map((text) => /failed backups are there: (.*)$/.exec(text)?.[1])
    .findLast(Boolean);
  if (commands !== undefined) await lab.mustExec('barman', ['sh', '-c', commands], { user: 'barman' });
}

async function undone({ runId, at }: Killed): Promise<void> {
  const undo = withoutWaits(await pitr(['undo', runId, '--yes']));
  expect([at, undo.exitCode, undo.stderr]).toEqual([at, 0, '']);
  await asBefore(lab, scene, before, at);
}
