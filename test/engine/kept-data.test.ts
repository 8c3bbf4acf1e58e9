import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Masker } from '../../lib/base/values/masker.ts';
import { measureKept } from '../../lib/engine/back/commit.ts';
import { keptBy } from '../../lib/engine/back/kept-data.ts';
import { parseJournal } from '../../lib/engine/journal/read.ts';
import type { JournalRecord } from '../../lib/engine/journal/records.ts';
import { newDirectory } from './support.ts';

const RUN = '20261122T144512-7f3a';

it('finds old data whose rename failed behind a lost connection, where it is that very directory', async () => {
  const directory = await newDirectory();
  const inventory = join(directory, 'inventory.yml');
  await writeFile(inventory, 'all: { hosts: { one: { ansible_connection: local } } }\n');
  const dest = (name: string): string => join(directory, `${name}.pre-pitr.${RUN}`);
  await mkdir(dest('moved'));
  await mkdir(dest('other'));
  const { dev, ino } = await stat(dest('moved'));
  const records = ['moved', 'other', 'missing'].flatMap((name, index): JournalRecord[] => {
    const move = { summary: 'move', src: join(directory, name), dest: dest(name), identity: `${dev}:${ino}` };
    return [
      {
        type: 'change.intended',
        time: 2,
        number: index + 1,
        host: 'one',
        module: 'fs.move',
        params: {},
        change: move,
        undoable: true,
      },
      {
        type: 'change.failed',
        time: 3,
        number: index + 1,
        error: { kind: 'unreachable', code: 'connection-lost', message: 'lost' },
      },
    ];
  });
  const started: JournalRecord = {
    type: 'run.started',
    version: 3,
    time: 1,
    operator: 'root@backup1',
    pid: 1,
    runId: RUN,
    playbook: '/srv/recover.yml',
    inventories: [inventory],
    extraVars: {},
  };
  const text = [started, ...records].map((record) => JSON.stringify(record)).join('\n');
  const runs = [parseJournal(text, 'journal.jsonl')];
  const { signal } = new AbortController();
  const measured = await measureKept(
    { runs, inventories: [], extraVars: {}, signal, masker: new Masker() },
    keptBy(runs),
  );
  expect(measured.filter(({ bytes }) => bytes !== undefined).map(({ kept }) => kept.path)).toEqual([
    dest('moved'),
  ]);
  expect(measured.filter(({ error }) => error !== undefined)).toEqual([]);
});
