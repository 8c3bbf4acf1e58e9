import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { outageOf, TOLD_BY } from '../../bench/recovery/outage.ts';
import { eventsOf, LOOKED_FOR, phasesOf, timesOf } from '../../bench/recovery/phases.ts';
import { BASE } from '../../bench/recovery/raw.ts';
import { report } from '../../bench/recovery/report.ts';
import { parseAgain } from '../../bench/recovery/sizes.ts';
import { checkoutRoot } from '../../lab/checkout.ts';

const folder = join(checkoutRoot, 'playbooks');
const playbooks = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.yml'))
  .map((path) => readFileSync(join(folder, path), 'utf8'));
const names = playbooks.flatMap((text) => [...text.matchAll(/^ *- name: (.*)$/gm)].map(([, name]) => name));

/** A recovery with its cut-over on a lab, as its journal has it; its tasks by the names of today. */
function recorded(): readonly string[] {
  const today = new Map(
    playbooks.flatMap((text) =>
      [...text.matchAll(/^ *- name: (.*)\n *formerly: (.*)$/gm)].map(([, now, then]) => [then, now] as const),
    ),
  );
  const journal = join(
    checkoutRoot,
    'test/fixtures/journals-in-one-file/runs/20261128T024948-fa6c/journal.jsonl',
  );
  const started = new Map<string, string>();
  return readFileSync(journal, 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => {
      const record = JSON.parse(line) as { type: string; time: number; task?: string; name?: string };
      const { type, time, task = '' } = record;
      if (type === 'task.started') started.set(task, today.get(record.name ?? '') ?? record.name ?? '');
      const name = started.get(task) ?? '';
      if (type === 'task.result') return [JSON.stringify({ type: 'task.finished', time, task: { name } })];
      if (type === 'task.started') return [JSON.stringify({ type, time, task: { name } })];
      return type.startsWith('run.') ? [line] : [];
    });
}

it('each task by which the bench tells the parts of a recovery is in a playbook', () => {
  expect([...LOOKED_FOR, ...TOLD_BY].filter((name) => !names.includes(name))).toEqual([]);
});

it('the parts of a recovered run are told in their order, and come to its whole', () => {
  const lines = recorded();
  const phases = phasesOf(lines);
  expect(phases.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)}`)).toMatchInlineSnapshot(`
    [
      "checks, and the moment 26.9",
      "lock, and WAL that was still to come 5.6",
      "base backup 20.0",
      "into its place 14.7",
      "isolated start 7.3",
      "replay 3.6",
      "looks before the cut-over 29.8",
      "promotion 20.0",
      "closed start, and logins 24.5",
      "replicas stop 10.9",
      "old leader stops 14.5",
      "Patroni takes over 9.3",
      "archiving proved 15.7",
      "first member 27.6",
      "the other members 46.8",
      "the end, told 0.7",
      "new base backup 61.4",
    ]
  `);
  const { total, leader, cluster } = timesOf(lines);
  const outage = outageOf(eventsOf(lines));
  // It had read its playbook before the first task.
  expect(phases.reduce((sum, { seconds }) => sum + seconds, 0.287)).toBeCloseTo(total);
  expect([leader, cluster, outage].map((seconds) => seconds.toFixed(1))).toMatchInlineSnapshot(`
    [
      "187.4",
      "277.6",
      "23.8",
    ]
  `);
});

it('prints each recovery, the tools before and after, and the ratios', () => {
  const tar = (seconds: number) => ({ what: 'tar over ssh', note: BASE, seconds });
  const wal = { what: 'one rsync of WAL', note: '16 segments', seconds: 1 };
  const lines = recorded();
  expect(report({ recoveries: [lines, lines], raw: [[tar(16), wal], [tar(18)]] })).toMatchInlineSnapshot(`
    "checks, and the moment                            26.9 s    26.9 s    1.00x
    lock, and WAL that was still to come               5.6 s     5.6 s    1.00x
    base backup                                       20.0 s    20.0 s    1.00x
    into its place                                    14.7 s    14.7 s    1.00x
    isolated start                                     7.3 s     7.3 s    1.00x
    replay                                             3.6 s     3.6 s    1.00x
    looks before the cut-over                         29.8 s    29.8 s    1.00x
    promotion                                         20.0 s    20.0 s    1.00x
    closed start, and logins                          24.5 s    24.5 s    1.00x
    replicas stop                                     10.9 s    10.9 s    1.00x
    old leader stops                                  14.5 s    14.5 s    1.00x
    Patroni takes over                                 9.3 s     9.3 s    1.00x
    archiving proved                                  15.7 s    15.7 s    1.00x
    first member                                      27.6 s    27.6 s    1.00x
    the other members                                 46.8 s    46.8 s    1.00x
    the end, told                                      0.7 s     0.7 s    1.00x
    new base backup                                   61.4 s    61.4 s    1.00x
    total                                            339.7 s   339.7 s    1.00x
    nobody could write for                            23.8 s    23.8 s    1.00x
      stop                                            14.5 s    14.5 s    1.00x
      hand-over                                        6.4 s     6.4 s    1.00x
      lead                                             0.5 s     0.5 s    1.00x
      restart                                          1.0 s     1.0 s    1.00x
      open                                             1.4 s     1.4 s    1.00x

    tar over ssh (base)                               16.0 s    18.0 s
    one rsync of WAL (16 segments)                     1.0 s         -

    base backup / tar over ssh                         1.25x     1.25x
    whole cluster / its leader alone                   1.48x     1.48x
    "
  `);
});

it('a second recovery is told in variables alone', () => {
  expect(parseAgain(['--data', '2GB'])).toBeUndefined();
  expect(parseAgain(['--again', '-e wal_spool_bytes=0 members_from=old_data'])).toEqual([
    '-e',
    'wal_spool_bytes=0',
    '-e',
    'members_from=old_data',
  ]);
  expect(() => parseAgain(['--again'])).toThrow('--again takes words');
  expect(() => parseAgain(['--again', '--data'])).toThrow('--again takes words');
});
