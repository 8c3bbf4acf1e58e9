import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { rowCounts } from '../../lab/seed.ts';
import { dataDirectory } from '../../lab/topology.ts';
import { asBefore, rowsInIsolation, rowsThen, serves, stateBefore } from '../faults/cluster-state.ts';
import { killedWhen } from '../faults/killed.ts';
import { type Keyboard, openKeyboard } from '../faults/typed.ts';
import { accidentOn, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { elsewhereOf, shownLines } from './elsewhere.ts';
import { RECOVERIES } from './recoveries.ts';
import { carriesOut, inLabWords, labWords } from './typed-here.ts';

const shown = (await shownLines()).filter(({ line }) => carriesOut(line) && elsewhereOf(line) === undefined);
/** Where a line stands in several pages, once. */
const linesThat = (kind: keyof typeof RECOVERIES): readonly string[] => [
  ...new Set(shown.filter(({ line }) => RECOVERIES[kind].test(line)).map(({ line }) => line)),
];

/** Recovery, cut-over and the way back. */
const LONG = 1_200_000;

let lab: Lab;
let scene: Scene;
let keyboard: Keyboard;

beforeAll(async () => {
  lab = await sharedLab();
  // Some examples name no inventory.
  keyboard = await openKeyboard({ PITR_INVENTORY: lab.files.dockerInventory });
});

afterAll(() => keyboard.close());

beforeEach(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
});

/** Types a line of a page; gives the id of its run. */
async function typed(line: string, run = ''): Promise<string> {
  const { command, exitCode, said } = await keyboard.type(inLabWords(line, labWords(lab, scene), run));
  expect([command, exitCode, exitCode === 0 ? '' : said]).toEqual([command, 0, '']);
  return /\d{8}T\d{6}-[0-9a-f]{4}/.exec(said)?.[0] ?? '';
}

/** Types the way back of a node that waits: what it restored is kept beside its data, and goes. */
async function goesBack(line = linesThat('backFromWaiting')[0] ?? ''): Promise<void> {
  await typed(line);
  const kept = `ls -d "$1".recovered.*/PG_VERSION && rm -rf "$1".recovered.*`;
  await lab.mustExec(scene.target, ['sh', '-c', kept, 'sh', dataDirectory(scene.target)]);
}

async function waits(): Promise<void> {
  expect(await rowsInIsolation(lab, scene.target)).toBe(rowsThen(scene));
  expect(await currentLeader(lab)).toBe(scene.leader);
}

describe('a recovery that a page or the help shows, carried out as it stands there', () => {
  it.each(linesThat('waits'))(
    '%s: the node waits at the moment, and goes back',
    async (line) => {
      const before = await stateBefore(lab, scene.target);
      await typed(line);
      await waits();
      await goesBack();
      await asBefore(lab, scene, before, line);
    },
    LONG,
  );

  it.each(linesThat('cutOver'))(
    '%s: the whole cluster follows the node that waits',
    async (line) => {
      const [recovery = ''] = linesThat('waits');
      await typed(recovery);
      await typed(line);
      const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
      expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
    },
    LONG,
  );

  it.each(linesThat('backFromWaiting'))(
    '%s: the node goes back to where it was',
    async (line) => {
      const before = await stateBefore(lab, scene.target);
      const [recovery = ''] = linesThat('waits');
      await typed(recovery);
      await goesBack(line);
      await asBefore(lab, scene, before, line);
    },
    LONG,
  );

  it.each(linesThat('whole'))(
    '%s: the whole cluster follows the latest state; back with revert.yml',
    async (line) => {
      const run = await typed(line);
      expect(await currentLeader(lab)).toBe(scene.target);
      await healthy(lab);
      const now = Object.entries(scene.accident.tables).map(([table, { rowsNow }]) => [table, rowsNow]);
      expect(await rowCounts(lab, scene.target)).toEqual(Object.fromEntries(now));
      for (const back of linesThat('backFromCutOver')) await typed(back, run);
      await healthy(lab);
      expect(await currentLeader(lab)).toBe(scene.leader);
      await serves(lab, scene, line);
    },
  );

  it.each(linesThat('prepared'))(
    '%s: the files are there, no node is touched, and undo removes them',
    async (line) => {
      const before = await stateBefore(lab, scene.target);
      const run = await typed(line);
      await asBefore(lab, scene, before, line);
      await typed('pitr undo <run>', run);
    },
  );

  it.each(linesThat('overClaim'))(
    '%s: a run that died at its lock keeps nobody out',
    async (line) => {
      const before = await stateBefore(lab, scene.target);
      const { dockerInventory } = lab.files;
      const died = await killedWhen(
        ['play', 'recover.yml', '-i', dockerInventory, '-e', `target=${scene.target}`],
        (event) =>
          event.type === 'task.finished' && event.task.name.startsWith('Lock the cluster') ? 0 : undefined,
      );
      expect(died.killed).toBe(true);
      await typed(line, died.runId);
      expect(await currentLeader(lab)).toBe(scene.leader);
      await goesBack();
      await asBefore(lab, scene, before, line);
    },
    LONG,
  );
});
