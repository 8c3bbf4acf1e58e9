import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { revertCommand } from '../../../../cli/revert-command.ts';
import { waysOn } from '../../../../cli/ways.ts';
import { MASK } from '../../../../lib/base/values/secret.ts';
import {
  type CutOver,
  cutOversOf,
  refuseGoingOn,
  type Story,
  storyOf,
} from '../../../../lib/engine/back/story.ts';
import { planUndo } from '../../../../lib/engine/back/undo-plan.ts';
import { type JournalledRun, parseJournal } from '../../../../lib/engine/journal/read.ts';
import type { JournalRecord } from '../../../../lib/engine/journal/records.ts';
import { errorOf } from '../../../support/errors.ts';

const KEPT = join(import.meta.dirname, '../../../fixtures/journals-0.1.0/runs');
/** A recovery that was cut over in the same run; one that waited, and the run that cut it over. */
const ONE_RUN = '20261127T233522-7c41';
const RECOVERY = '20261127T234116-0f11';
const CUT_OVER = '20261127T234241-951e';

/** A run of 0.1.0 on the lab, as its journal was after so many changes. */
async function run(id: string, changes = Number.POSITIVE_INFINITY): Promise<JournalledRun> {
  const path = join(KEPT, id, 'journal.jsonl');
  const lines = (await readFile(path, 'utf8')).split('\n');
  const end = lines.findIndex(
    (line) => line.includes(`"type":"change.intended"`) && numberOf(line) > changes,
  );
  return parseJournal((end < 0 ? lines : lines.slice(0, end)).join('\n'), path);
}

function numberOf(line: string): number {
  return (JSON.parse(line) as Extract<JournalRecord, { type: 'change.intended' }>).number;
}

function withRecords(one: JournalledRun, ...more: readonly JournalRecord[]): JournalledRun {
  return parseJournal([...one.records, ...more].map((record) => JSON.stringify(record)).join('\n'), one.path);
}

/** The same run by a clock that was set by so much when the change of this number was to be made. */
function withClockSet(one: JournalledRun, by: number, from = 0): JournalledRun {
  const set = one.records.findIndex((record) => record.type === 'change.intended' && record.number === from);
  const records = one.records.map((record, at) =>
    at < set ? record : { ...record, time: record.time + by },
  );
  return parseJournal(records.map((record) => JSON.stringify(record)).join('\n'), one.path);
}

/** A run that has begun to take these back. */
async function takenBackBy(runs: readonly string[], later: number): Promise<JournalledRun> {
  const records = (await run(RECOVERY, 4)).records.map((record): JournalRecord => {
    if (record.type === 'run.started') return { ...record, runId: '20261127T230000-0001', time: later };
    if (record.type !== 'change.intended') return record;
    const { change } = record;
    return record.module === 'core.lock'
      ? { ...record, time: later, change: { ...change, allow: runs, takesBack: true } as typeof change }
      : { ...record, time: later };
  });
  return parseJournal(records.map((record) => JSON.stringify(record)).join('\n'), 'revert.jsonl');
}

const whyOf = ({ closed }: Story): string | undefined => closed?.why;

describe('a recovery that was cut over in the same run', () => {
  it('is closed as a whole from the hand-over to Patroni on, also with --from and --keep', async () => {
    const story = storyOf(await run(ONE_RUN), []);
    expect(story.closed).toMatchObject({ why: 'cut over', cutOver: { host: 'db2', oldLeader: 'db1' } });
    for (const wish of [{}, { from: 12 }, { from: 20, keep: [23, 22] }])
      expect(await planUndo(story, wish)).toMatchObject({ steps: [], wall: undefined });
  });

  it.each([
    ['before the promotion', 8, undefined],
    ['promoted, still isolated', 9, undefined],
    ['every other member is stopped, and nobody follows yet', 15, undefined],
    ['handed over', 16, 'cut over'],
    ['rebuilding members', 22, 'cut over'],
  ])('%s: closed %s', async (_when, changes, why) => {
    expect(whyOf(storyOf(await run(ONE_RUN, changes), []))).toBe(why);
  });

  it('stays closed where an older pitr took the hand-over back', async () => {
    const back: JournalRecord[] = [16, 17].map((number) => ({ type: 'change.undone', time: 1, number }));
    expect(whyOf(storyOf(withRecords(await run(ONE_RUN, 17), ...back), []))).toBe('cut over');
  });

  it('counts a promotion whose run was killed in it, and a hand-over that never said how it ended', async () => {
    const one = await run(ONE_RUN, 16);
    const open = one.records.filter(
      (record) => !(record.type === 'change.done' && [9, 16].includes(record.number)),
    );
    const text = open.map((record) => JSON.stringify(record)).join('\n');
    expect(whyOf(storyOf(parseJournal(text, one.path), []))).toBe('cut over');
  });

  it('is closed also where the clock of the controller was set back between promotion and hand-over', async () => {
    const { closed } = storyOf(withClockSet(await run(ONE_RUN), -3_600_000, 16), []);
    expect(closed).toMatchObject({ why: 'cut over', cutOver: { host: 'db2', oldLeader: 'db1' } });
  });

  it('does not count a hand-over that a safety check refused', async () => {
    const one = await run(ONE_RUN, 16);
    const error = { kind: 'refused', code: 'recovery-runs-isolated', message: 'no' } as const;
    const refused = one.records.map(
      (record): JournalRecord =>
        record.type === 'change.done' && record.number === 16
          ? { type: 'change.failed', time: 1, number: 16, error }
          : record,
    );
    const text = refused.map((record) => JSON.stringify(record)).join('\n');
    expect(whyOf(storyOf(parseJournal(text, one.path), []))).toBeUndefined();
  });
});

describe('a recovery and its cut-over in a run of its own', () => {
  it('are closed together, whichever of them is named', async () => {
    const [recovery, cutOver] = [await run(RECOVERY), await run(CUT_OVER)];
    for (const [one, other] of [
      [recovery, cutOver],
      [cutOver, recovery],
    ] as const) {
      const story = storyOf(one, [other]);
      expect(story.runs.map(({ started }) => started.runId)).toEqual([RECOVERY, CUT_OVER]);
      expect(story.closed).toMatchObject({ why: 'cut over', cutOver: { host: 'db3', oldLeader: 'db2' } });
    }
  });

  it('are taken back newest first before that: the cut-over holds the recovery in its place', async () => {
    const [recovery, cutOver] = [await run(RECOVERY), await run(CUT_OVER, 2)];
    expect(storyOf(recovery, [cutOver]).closed).toMatchObject({ why: 'gone on', by: { path: cutOver.path } });
    expect(storyOf(cutOver, [recovery]).closed).toBeUndefined();
    const undone = cutOver.changes.map(
      ({ intent: { number } }): JournalRecord => ({ type: 'change.undone', time: 1, number }),
    );
    expect(storyOf(recovery, [withRecords(cutOver, ...undone)]).closed).toBeUndefined();
  });

  it('are closed by a run that takes them back, which stays open until the cluster follows what it promoted', async () => {
    const [recovery, cutOver] = [await run(RECOVERY), await run(CUT_OVER)];
    const back = await takenBackBy([RECOVERY, CUT_OVER], cutOver.started.time + 3_600_000);
    expect(whyOf(storyOf(recovery, [cutOver, back]))).toBe('taken back');
    expect(whyOf(storyOf(cutOver, [recovery, back]))).toBe('taken back');
    expect(whyOf(storyOf(back, [recovery, cutOver]))).toBeUndefined();
  });

  it('come in the order in which they rest on each other, whatever the clock of the later run says', async () => {
    const [recovery, cutOver] = [await run(RECOVERY), withClockSet(await run(CUT_OVER), -3_600_000)];
    expect(storyOf(recovery, [cutOver]).runs.map(({ started }) => started.runId)).toEqual([
      RECOVERY,
      CUT_OVER,
    ]);
    const begun = withClockSet(await run(CUT_OVER, 2), -3_600_000);
    expect(whyOf(storyOf(recovery, [begun]))).toBe('gone on');
    expect(whyOf(storyOf(begun, [recovery]))).toBeUndefined();
    const back = await takenBackBy([RECOVERY, CUT_OVER], recovery.started.time - 3_600_000);
    for (const one of [recovery, cutOver]) {
      const others = [recovery, cutOver, back].filter((other) => other !== one);
      expect(whyOf(storyOf(one, others))).toBe('taken back');
    }
  });

  it('are nothing to another recovery', async () => {
    expect(storyOf(await run(ONE_RUN), [await run(RECOVERY), await run(CUT_OVER)]).runs).toHaveLength(1);
  });
});

describe('a run that failed, and that another one has gone on with', () => {
  const failed = (one: JournalledRun): JournalledRun => {
    const records = one.records.map(
      (record): JournalRecord => (record.type === 'run.finished' ? { ...record, status: 'failed' } : record),
    );
    return parseJournal(records.map((record) => JSON.stringify(record)).join('\n'), one.path);
  };
  const resumes = async (one: JournalledRun, all: readonly JournalledRun[]) =>
    waysOn(await planUndo(storyOf(one, all)), 'it')
      .flatMap(({ command = '' }) => command)
      .includes('pitr resume it');
  const refused = async (one: JournalledRun, all: readonly JournalledRun[]) =>
    errorOf(Promise.resolve().then(() => refuseGoingOn(storyOf(one, all))));

  it('is not gone on with itself: what came after it stands in its way', async () => {
    const [recovery, cutOver] = [failed(await run(RECOVERY)), await run(CUT_OVER)];
    const begun = await run(CUT_OVER, 2);
    expect(await resumes(recovery, [])).toBe(true);
    expect(() => refuseGoingOn(storyOf(recovery, []))).not.toThrow();
    for (const [later, words] of [
      [begun, `run ${CUT_OVER} has gone on with what run ${RECOVERY} did`],
      [cutOver, `the cluster follows what run ${CUT_OVER} handed over on db3`],
    ] as const) {
      expect(await resumes(recovery, [later])).toBe(false);
      const error = await refused(recovery, [later]);
      expect(error).toMatchObject({ kind: 'refused', code: 'run-closed' });
      expect(error.message).toContain(words);
    }
  });

  it('goes on where it has handed the node over itself, as long as no newer recovery was cut over', async () => {
    const [older, recovery, cutOver] = [failed(await run(ONE_RUN)), await run(RECOVERY), await run(CUT_OVER)];
    expect(await resumes(older, [])).toBe(true);
    expect(() => refuseGoingOn(storyOf(older, []))).not.toThrow();
    expect(await resumes(older, [recovery, cutOver])).toBe(false);
    expect(await resumes(failed(cutOver), [recovery])).toBe(true);
  });
});

describe('the command that goes back to the old data', () => {
  const last = (runs: readonly JournalledRun[]): CutOver => {
    const cutOver = cutOversOf(runs).at(-1);
    if (cutOver === undefined) throw new Error('there is no cut-over');
    return cutOver;
  };

  it('names the runs that keep it and who led, and what the run was told of the cluster', async () => {
    const one = [await run(ONE_RUN)];
    expect(revertCommand(one, last(one))).toBe(
      `pitr play revert.yml -i /srv/inventory.yml -e 'recovery_run=${ONE_RUN}' -e 'leader=db1'`,
    );
    const two = [await run(RECOVERY), await run(CUT_OVER)];
    expect(revertCommand(two, last(two))).toBe(
      `pitr play revert.yml -i /srv/inventory.yml -e 'recovery_run=${RECOVERY}' -e 'cutover_run=${CUT_OVER}' -e 'leader=db2'`,
    );
  });

  /**
   * The same recovery of a node that left as so, where these hosts are all, which of them led when it was stopped, and what
   * was noted of who takes over.
   */
  async function ledBy(
    leader: string | undefined,
    hosts: readonly string[],
    facts: Readonly<Record<string, unknown>> = {},
  ): Promise<JournalledRun> {
    const whole = await run(ONE_RUN);
    const noted: JournalRecord = {
      type: 'task.result',
      time: whole.started.time,
      task: '1.9',
      turn: 1,
      host: 'db2',
      module: 'core.set_fact',
      status: 'ok',
      result: { facts },
    };
    const records = whole.records.flatMap((record): JournalRecord[] => {
      if (record === whole.started) return [record, noted];
      if (record.type !== 'change.intended' || record.host === 'barman') return [record];
      if (!hosts.includes(record.host)) return [];
      const led = record.module === 'patroni.member' && { led: record.host === leader };
      return [{ ...record, change: { ...record.change, ...led } as typeof record.change }];
    });
    return parseJournal(records.map((record) => JSON.stringify(record)).join('\n'), whole.path);
  }

  it.each([
    ['in a cluster of one', 'db2', ['db2'], { nobody_leads: true }, 'db2'],
    ['where nobody took over from it', 'db2', ['db1', 'db2', 'db3', 'db4'], { nobody_leads: true }, 'db2'],
    [
      'that did not lead, where nobody did',
      undefined,
      ['db1', 'db2', 'db3'],
      { nobody_leads: true },
      undefined,
    ],
    ['where another one could take over, and is gone since', 'db2', ['db2', 'db3'], {}, undefined],
  ])('names the target itself as who led, %s: %s', async (_, leader, hosts, facts, named) => {
    const one = [await ledBy(leader, hosts, facts)];
    expect(revertCommand(one, last(one))).toBe(
      named === undefined
        ? undefined
        : `pitr play revert.yml -i /srv/inventory.yml -e 'recovery_run=${ONE_RUN}' -e 'leader=${named}'`,
    );
  });

  it('names who took over from a target that led', async () => {
    const both = await ledBy('db1', ['db1', 'db2', 'db3', 'db4']);
    const records = both.records.map((record): JournalRecord => {
      if (record.type !== 'change.intended' || record.number !== 4) return record;
      return { ...record, change: { ...record.change, led: true } as typeof record.change };
    });
    const one = [parseJournal(records.map((record) => JSON.stringify(record)).join('\n'), both.path)];
    expect(revertCommand(one, last(one))).toContain("-e 'leader=db1'");
  });

  it('names the run that has rebuilt a member later, which the cut-over left out', async () => {
    const whole = await run(ONE_RUN);
    const without = parseJournal(
      whole.records
        .filter((record) => record.type !== 'change.intended' || record.host !== 'db4')
        .map((record) => JSON.stringify(record))
        .join('\n'),
      whole.path,
    );
    const rejoin = '20261128T010000-0002';
    const of = whole.records.flatMap((record): JournalRecord[] => {
      if (record.type === 'run.started') return [{ ...record, runId: rejoin, time: record.time + 3_600_000 }];
      if (record.type !== 'change.intended') return [record];
      return record.module === 'core.lock' || record.host === 'db4' ? [record] : [];
    });
    const text = of.map((record) => JSON.stringify(record)).join('\n');
    const later = parseJournal(text.replaceAll(`pre-pitr.${ONE_RUN}`, `pre-pitr.${rejoin}`), 'rejoin.jsonl');
    const told = revertCommand([without], last([without]), [later]);
    expect(told).toBe(
      `pitr play revert.yml -i /srv/inventory.yml -e 'recovery_run=${ONE_RUN}' -e 'cutover_run=${rejoin}' -e 'leader=db1'`,
    );
  });

  it('is let go with the password of the run that was begun last, whose variables lead there', async () => {
    const [recovery, cutOver] = [await run(RECOVERY), await run(CUT_OVER)];
    const asked = ({ records, path }: JournalledRun): JournalledRun => {
      const [first, ...rest] = records;
      const extraVars = { target: 'db3', pitr_become_password: MASK };
      const text = [{ ...first, extraVars }, ...rest].map((record) => JSON.stringify(record)).join('\n');
      return parseJournal(text, path);
    };
    const commit = async (one: JournalledRun, other: JournalledRun) =>
      waysOn(await planUndo(storyOf(one, [other])), 'it')
        .flatMap(({ command = '' }) => command)
        .find((command) => command.startsWith('pitr commit'));
    expect(await commit(recovery, asked(cutOver))).toBe('pitr commit it -K');
    expect(await commit(asked(recovery), cutOver)).toBe('pitr commit it');
  });

  it('is offered for the newest recovery of the cluster alone, and again when that was taken back', async () => {
    const [older, recovery, cutOver] = [await run(ONE_RUN), await run(RECOVERY), await run(CUT_OVER)];
    const offered = async (one: JournalledRun, all: readonly JournalledRun[]) =>
      waysOn(await planUndo(storyOf(one, all)), 'it').filter(({ command }) =>
        command?.includes('revert.yml'),
      );
    expect(await offered(older, [])).toHaveLength(1);
    expect(await offered(older, [recovery, cutOver])).toEqual([]);
    expect(await offered(cutOver, [older, recovery])).toHaveLength(1);
    const back = await takenBackBy([RECOVERY, CUT_OVER], cutOver.started.time + 3_600_000);
    expect(await offered(older, [recovery, cutOver, back])).toHaveLength(1);
    const elsewhere = [recovery, cutOver].map((one) =>
      parseJournal(
        one.records.map((record) => JSON.stringify(record).replaceAll(/\bdb(\d)\b/g, 'other$1')).join('\n'),
        one.path,
      ),
    );
    expect(await offered(older, elsewhere)).toHaveLength(1);
  });

  it('is none while a member has no old data yet', async () => {
    const one = [await run(ONE_RUN, 20)];
    expect(revertCommand(one, last(one))).toBeUndefined();
  });
});
