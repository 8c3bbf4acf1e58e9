import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../../lib/contract/effects.ts';
import { pastOf } from '../../../../lib/engine/journal/past.ts';
import type { JournalRecord } from '../../../../lib/engine/journal/records.ts';

let changes = 0;

function look(task: string, host = 'db1', status: 'ok' | 'failed' | 'skipped' = 'ok'): JournalRecord[] {
  return [{ type: 'task.result', time: 0, task, turn: 1, host, module: 'fs.stat', status, result: {} }];
}

function change(
  task: string,
  host = 'db1',
  more: { effects?: readonly Effect[]; everyRun?: true; mayEnd?: string; handsOn?: string; open?: true } = {},
): JournalRecord[] {
  const number = ++changes;
  return [
    {
      type: 'change.intended',
      time: 0,
      number,
      host,
      step: { task, turn: 1, host },
      module: 'fs.copy',
      params: {},
      change: { summary: task },
      effects: more.effects,
      everyRun: more.everyRun,
      mayEnd: more.mayEnd,
      handsOn: more.handsOn,
      undoable: true,
    },
    ...(more.open ? [] : [{ type: 'change.done', time: 0, number, result: { task } } as const]),
    ...(more.open
      ? []
      : [
          {
            type: 'task.result',
            time: 0,
            task,
            turn: 1,
            host,
            module: 'fs.copy',
            status: 'changed',
            result: { task },
          } as const,
        ]),
  ];
}

function failed(code: string, more: { task?: string; host?: string; ignored?: true } = {}): JournalRecord {
  const { task = '1.2', host = 'db1', ignored } = more;
  const error = { kind: 'failed', code, message: 'it failed' } as const;
  const at = { task, turn: 1, host, module: 'core.shell' };
  return { type: 'task.result', time: 0, ...at, status: 'failed', result: {}, error, ignored };
}

const effect = (id: string, more: Partial<Effect>): { readonly effects: readonly Effect[] } => ({
  effects: [{ kind: 'postgres', id, state: 'so', lasts: 'for good', ...more }],
});
const SERVER = effect('/data', { lasts: 'until it ends' });
const LOCK = effect('', { lasts: 'while pitr holds it' });
const handsOn = (id: string) => effect(id, { supersedes: true });

const resumed: JournalRecord = {
  type: 'run.resumed',
  time: 0,
  operator: 'root@here',
  pid: 1,
  inventories: [],
  extraVars: {},
};

function standing(...records: readonly JournalRecord[][]): string[] {
  changes = 0;
  return [...pastOf(records.flat()).results()].map(({ host, task }) => `${host} ${task}`);
}

describe('what stands of a run', () => {
  it.each<[string, JournalRecord[][], string[]]>([
    ['nothing, when it changed nothing', [look('1.1'), look('1.2')], []],
    [
      'results up to its last change, and not what was looked at since',
      [look('1.1'), change('1.2'), look('1.3')],
      ['db1 1.1', 'db1 1.2'],
    ],
    ['nothing from a change on that was only begun', [look('1.1'), change('1.2', 'db1', { open: true })], []],
    ['nothing of a lock, which every process takes anew', [look('1.1'), change('1.2', 'db1', LOCK)], []],
    [
      'nothing of a server that was started last, which may have ended since',
      [look('1.1'), change('1.2'), change('1.3', 'db1', SERVER), look('1.4', 'db1', 'failed')],
      ['db1 1.1', 'db1 1.2'],
    ],
    [
      'all but a server that may have ended since, when more was changed, there or on other hosts',
      [change('1.1', 'db1', SERVER), look('1.2'), change('1.3'), change('1.4', 'db2')],
      ['db1 1.2', 'db1 1.3', 'db2 1.4'],
    ],
    [
      'a server, too, that was stopped, moved or handed to somebody else after it was started',
      [change('1.1', 'db1', SERVER), look('1.2'), change('1.3', 'db1', handsOn('/data'))],
      ['db1 1.1', 'db1 1.2', 'db1 1.3'],
    ],
    [
      'all but a server, when what was handed on is another one or that of another host',
      [
        change('1.1', 'db1', SERVER),
        change('1.2', 'db1', handsOn('/other')),
        change('1.3', 'db2', handsOn('/data')),
      ],
      ['db1 1.2', 'db2 1.3'],
    ],
    [
      'the first start of a server that was started twice, and not the second one',
      [change('1.1', 'db1', SERVER), change('1.2'), change('1.3', 'db1', SERVER), change('1.4')],
      ['db1 1.1', 'db1 1.2', 'db1 1.4'],
    ],
    [
      'nothing of a server that ran still when the run was resumed, and may have ended under that process',
      [change('1.1', 'db1', SERVER), change('1.2', 'db2'), [resumed], look('1.1'), change('1.3', 'db2')],
      ['db2 1.2', 'db2 1.3'],
    ],
    [
      'nothing of a server that was started again by the resumed run',
      [
        change('1.1', 'db1', SERVER),
        change('1.2', 'db2'),
        [resumed],
        change('1.1', 'db1', SERVER),
        change('1.3', 'db2'),
      ],
      ['db2 1.2', 'db2 1.3'],
    ],
    [
      'nothing of a server of 0.1.0 that may have ended since, and all of one that was handed on',
      [
        change('1.1', 'db1', { mayEnd: '/data' }),
        change('1.2', 'db2', { mayEnd: '/data' }),
        change('1.3', 'db1', { handsOn: '/data' }),
        change('1.4', 'db1', { everyRun: true }),
      ],
      ['db1 1.1', 'db1 1.3'],
    ],
    [
      'nothing of a host from its failure on, changes of its clean-up included',
      [change('1.1'), look('1.2', 'db1', 'failed'), change('1.3')],
      ['db1 1.1'],
    ],
    [
      'all of other hosts when one has failed',
      [look('1.2', 'db1', 'failed'), change('1.1', 'db2'), look('1.2', 'db2'), change('1.3', 'db2')],
      ['db2 1.1', 'db2 1.2', 'db2 1.3'],
    ],
    [
      'a failure that was rescued, and what came then',
      [look('1.1', 'db1', 'failed'), [{ type: 'host.rescued', time: 0, host: 'db1' }], change('1.2')],
      ['db1 1.1', 'db1 1.2'],
    ],
    [
      'nothing of a host after it was taken out of the play by another one',
      [change('1.1', 'db2'), [{ type: 'host.left', time: 0, host: 'db2' }], change('1.2', 'db2')],
      ['db2 1.1'],
    ],
    [
      'what was done after a failed process was resumed',
      [change('1.1'), look('1.2', 'db1', 'failed'), [resumed], change('1.2'), change('1.3')],
      ['db1 1.1', 'db1 1.2', 'db1 1.3'],
    ],
  ])('is %s', (_what, records, wanted) => {
    expect(standing(...records)).toEqual(wanted);
  });

  it('is nothing from the first change on that was taken back', () => {
    changes = 0;
    const records = [change('1.1'), change('1.2'), look('1.3'), change('1.4')].flat();
    const undone = (number: number): JournalRecord => ({ type: 'change.undone', time: 0, number });
    const past = pastOf([...records, undone(3), undone(2)]);
    expect([...past.results()].map(({ task }) => task)).toEqual(['1.1']);
    expect(past.takeChange({ task: '1.2', turn: 1, host: 'db1' })).toBeUndefined();
  });

  it('is nothing from a change on that an undo began with and did not end', () => {
    changes = 0;
    const records = [change('1.1'), change('1.2'), change('1.3')].flat();
    const past = pastOf([...records, { type: 'change.undoing', time: 0, number: 2 }]);
    expect([...past.results()].map(({ task }) => task)).toEqual(['1.1']);
    expect(past.takeChange({ task: '1.2', turn: 1, host: 'db1' })).toBeUndefined();
  });

  it.each<[string, JournalRecord[], readonly string[]]>([
    ['its task judged as failed', [failed('failed-when')], ['1.1']],
    ['its task tried in vain', [failed('until-never-true')], ['1.1']],
    ['its task failed after for another reason', [failed('expression-failed')], ['1.1', '1.2']],
    [
      'another task of its host was judged as failed',
      [failed('failed-when', { task: '1.3' })],
      ['1.1', '1.2'],
    ],
    ['the judgement was of another host', [failed('failed-when', { host: 'db2' })], ['1.1', '1.2']],
    ['the judgement was ignored', [failed('failed-when', { ignored: true })], ['1.1', '1.2']],
    [
      'the judgement was rescued',
      [failed('failed-when'), { type: 'host.rescued', time: 0, host: 'db1' }],
      ['1.1', '1.2'],
    ],
    ['its task was judged under a process that had gone on', [resumed, failed('failed-when')], ['1.1']],
    ['the run was gone on with after the judgement', [failed('failed-when'), resumed], ['1.1']],
  ])('has the change that was made, as it counts when %s', (_what, ends, wanted) => {
    changes = 0;
    const past = pastOf([...change('1.1'), ...change('1.2').slice(0, 2), ...ends]);
    expect([...past.changes()].map(({ turn: { task } }) => task)).toEqual(wanted);
  });

  it('has the stop of a server that its task judged as failed: the server is not started again', () => {
    changes = 0;
    const stop = change('1.3', 'db1', handsOn('/data')).slice(0, 2);
    const past = pastOf([
      ...change('1.1', 'db1', SERVER),
      ...change('1.2'),
      ...stop,
      failed('failed-when', { task: '1.3' }),
    ]);
    expect([...past.changes()].map(({ turn: { task } }) => task)).toEqual(['1.1', '1.2']);
  });

  it('gives a change to the task that made it, once', () => {
    changes = 0;
    const past = pastOf(change('1.1').slice(0, 2));
    expect(past.takeChange({ task: '1.1', turn: 1, host: 'db1' })?.result).toEqual({ task: '1.1' });
    expect(past.takeChange({ task: '1.1', turn: 1, host: 'db1' })).toBeUndefined();
  });

  it('never forgets a change that was made, wherever the controller died', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('look' as const), host: fc.constantFrom('db1', 'db2') }),
      fc.record({ kind: fc.constant('change' as const), host: fc.constantFrom('db1', 'db2') }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.nat(), (steps, cut) => {
        changes = 0;
        const all = steps.flatMap(({ kind, host }, index) =>
          kind === 'look' ? look(`1.${index}`, host) : change(`1.${index}`, host),
        );
        const records = all.slice(0, all.length === 0 ? 0 : cut % (all.length + 1));
        const past = pastOf(records);
        for (const record of records) {
          if (record.type !== 'change.done') continue;
          const made = past.takeChange({ ...stepOf(records, record.number), item: undefined });
          expect(made?.result).toEqual(record.result);
        }
      }),
    );
  });
});

function stepOf(records: readonly JournalRecord[], number: number) {
  const intent = records.find((record) => record.type === 'change.intended' && record.number === number);
  if (intent?.type !== 'change.intended' || intent.step === undefined) throw new Error('no intent');
  return intent.step;
}
