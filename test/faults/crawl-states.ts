import { expect } from 'vitest';
import type { Scene } from '../support/lab.ts';
import { type KillPoint, killedAt } from './killed.ts';
import { operate } from './operator.ts';
import type { Keyboard } from './typed.ts';

/** What a state is made with. */
export interface Making {
  readonly scene: Scene;
  readonly inventory: string;
  readonly keyboard: Keyboard;
}

/** A state of a recovery; gives all that was said while it came about. */
export interface CrawlState {
  readonly name: string;
  readonly make: (making: Making) => Promise<string>;
}

const CUT = ['-e', 'auto_start=true'];

const words = ({ scene, inventory }: Making, more: readonly string[] = []): string[] => [
  ...['play', 'recover.yml', '-i', inventory, '-e', `target=${scene.target}`],
  ...['-e', `backup=${scene.accident.backup.id}`, '-e', `target_time=${scene.accident.before}`],
  ...more,
];

function typed(making: Making, more: readonly string[] = []): string {
  return ['pitr', ...words(making, more)]
    .map((word) => `'${word}'`)
    .join(' ')
    .replace("'pitr' 'play'", 'pitr play');
}

const said = async ({ keyboard }: Making, command: string): Promise<string> =>
  (await keyboard.type(command)).said;

/** Kills the controller at the point, and gives its run. A run that has ended by itself is in another state. */
async function killedIn(point: KillPoint, args: readonly string[]): Promise<string> {
  const ended = await killedAt(point, args);
  expect([ended.at, ended.error, ended.killed]).toEqual([ended.at, undefined, true]);
  return ended.runId;
}

const killed =
  (point: KillPoint, more: readonly string[] = []) =>
  async (making: Making): Promise<string> => {
    const runId = await killedIn(point, words(making, more));
    return said(making, `pitr runs ${runId}`);
  };

const inTwoRuns = async (making: Making): Promise<string> => {
  await said(making, typed(making));
  return said(making, `pitr play cutover.yml -i ${making.inventory} -e target=${making.scene.target}`);
};

const killedCutOver =
  (point: KillPoint) =>
  async (making: Making): Promise<string> => {
    await said(making, typed(making));
    const { scene, inventory } = making;
    const runId = await killedIn(point, [
      ...['play', 'cutover.yml', '-i', inventory, '-e', `target=${scene.target}`],
    ]);
    return said(making, `pitr runs ${runId}`);
  };

export const CRAWL_STATES: readonly CrawlState[] = [
  {
    name: 'killed in the copy',
    make: killed({ during: 'Restore the base backup beside the live data', afterMs: 1500 }),
  },
  {
    name: 'killed after the old data was kept',
    make: killed({ during: 'Put the restored data in its place', afterMs: 5 }),
  },
  {
    name: 'a look at the data said no',
    make: (making) => said(making, typed(making, ['-e', '{"verify": [{"sql": "select 1", "expect": 2}]}'])),
  },
  {
    name: 'interrupted in the replay',
    make: async (making) => {
      const {
        runId,
        exitCode,
        words: told,
      } = await operate([...words(making), '--yes'], {
        'Replay WAL up to the moment': (controller) => controller.signal('SIGINT'),
      });
      expect([told, exitCode]).toEqual([told, 130]);
      return said(making, `pitr runs ${runId}`);
    },
  },
  { name: 'waits isolated', make: (making) => said(making, typed(making)) },
  { name: 'prepared, not started', make: (making) => said(making, typed(making, ['-e', 'restore=false'])) },
  {
    name: 'another recovery is refused while one waits',
    make: async (making) => {
      await said(making, typed(making));
      return said(making, typed(making));
    },
  },
  {
    name: 'taken back by rollback.yml',
    make: async (making) => {
      await said(making, typed(making));
      return said(making, `pitr play rollback.yml -i ${making.inventory} -e target=${making.scene.target}`);
    },
  },
  {
    name: 'killed in the promotion',
    make: killed({ during: 'Promote the recovered node, still isolated', afterMs: 700 }, CUT),
  },
  {
    name: 'a cut-over of its own killed before it stops anybody',
    make: killedCutOver({ during: 'Start it plainly, closed to clients', afterMs: 700 }),
  },
  {
    name: 'killed while the replicas stop',
    make: killed({ during: 'Stop the replicas', afterMs: 900 }, CUT),
  },
  {
    name: 'killed when the old leader is down',
    make: killed({ during: 'Hand the recovered node to Patroni', afterMs: 1 }, CUT),
  },
  { name: 'killed at the hand-over', make: killed({ during: 'Prove that it leads', afterMs: 100 }, CUT) },
  {
    name: 'killed while members are rebuilt',
    make: killed({ during: 'Start the member; Patroni copies the leader', afterMs: 1500 }, CUT),
  },
  { name: 'cut over in one run', make: (making) => said(making, typed(making, CUT)) },
  { name: 'cut over in a run of its own', make: inTwoRuns },
  {
    name: 'a way back that was killed',
    make: async (making) => {
      const ended = await operate([...words(making, CUT), '--yes']);
      expect(ended.error).toBeUndefined();
      const { scene, inventory } = making;
      const runId = await killedIn({ during: 'Put the old data back', afterMs: 500 }, [
        ...['play', 'revert.yml', '-i', inventory, '-e', `recovery_run=${ended.runId}`],
        ...['-e', `leader=${scene.leader}`],
      ]);
      return said(making, `pitr runs ${runId}`);
    },
  },
];
