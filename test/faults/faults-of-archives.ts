import { expect } from 'vitest';
import { sql } from '../../lab/cluster.ts';
import { database } from '../../lab/shop.ts';
import { inIsolation } from './cluster-state.ts';
import { archived, archivedAt, spoil } from './inject-archive.ts';
import { COPY, type Fault, NO_SPOOL, REPLAY, type Stage } from './stage.ts';

/** The archive or the backup is not what Barman believes: never a success with rows missing. */
export const faultsOfArchives: readonly Fault[] = [
  {
    name: 'a WAL segment is gone from the archive: named, before anything is touched',
    play: async (stage) => {
      const segment = await middle(stage);
      await stage.broken(spoil(stage.lab, archivedAt(stage.scene.leader, segment), 'remove'));
      const ended = await stage.recover();
      await stage.failed(ended, { exitCode: 5, code: 'wal-missing', host: 'barman', says: [segment] });
      await stage.untouched(ended);
    },
  },
  {
    name: 'a WAL segment in the archive is cut off: named, before anything is touched',
    play: async (stage) => {
      const segment = await middle(stage);
      await stage.broken(spoil(stage.lab, archivedAt(stage.scene.leader, segment), 'truncate'));
      const ended = await stage.recover();
      await stage.failed(ended, { exitCode: 5, code: 'wal-missing', host: 'barman', says: [segment] });
      await stage.untouched(ended);
    },
  },
  {
    name: 'a WAL segment in the archive is damaged: named, before anything is touched',
    play: async (stage) => {
      const segment = await middle(stage);
      await stage.broken(spoil(stage.lab, archivedAt(stage.scene.leader, segment), 'corrupt'));
      const ended = await stage.recover();
      await stage.failed(ended, { exitCode: 5, code: 'wal-damaged', host: 'barman', says: [segment] });
      await stage.untouched(ended);
    },
  },
  {
    name: 'a WAL segment goes from the archive during the copy: nothing is promoted, and it goes on once it is back',
    play: async (stage) => {
      const segment = await middle(stage);
      const path = archivedAt(stage.scene.leader, segment);
      const ended = await stage.recover(
        { [COPY]: () => stage.broken(spoil(stage.lab, path, 'remove')) },
        NO_SPOOL,
      );
      await stage.failed(ended, {
        exitCode: 2,
        code: 'wal-missing',
        host: stage.target,
        task: REPLAY,
        says: [
          segment,
          /was found there before/,
          'still runs isolated',
          `Then go on: pitr resume ${ended.runId}`,
        ],
      });
      expect(await inIsolation(stage.lab, stage.target, 'select pg_is_in_recovery()')).toBe('t');
      await stage.mendAll();
      await stage.goneOn(ended);
    },
  },
  {
    name: "a table's file is missing in the backup: refused, before anything is touched",
    play: async (stage) => {
      const file = await sql(stage.lab, stage.scene.leader, "select pg_relation_filepath('payments')", {
        database,
      });
      await stage.broken(spoil(stage.lab, inBackup(stage, file), 'remove'));
      const ended = await stage.recover();
      await stage.failed(ended, {
        exitCode: 5,
        code: 'backup-files-missing',
        host: 'barman',
        says: [stage.scene.accident.backup.id, /less than/],
      });
      await stage.untouched(ended);
    },
  },
  ...['PG_VERSION', 'backup_label'].map((name) => ({
    name: `${name} is missing in the backup: named, and nothing is touched`,
    play: async (stage: Stage) => {
      await stage.broken(spoil(stage.lab, inBackup(stage, name), 'remove'));
      const ended = await stage.recover();
      await stage.failed(ended, { exitCode: 5, code: 'backup-files-missing', host: 'barman', says: [name] });
      await stage.untouched(ended);
    },
  })),
];

/** The last segment before the one that holds the accident. */
async function middle({ lab, scene }: Stage): Promise<string> {
  const segments = await archived(lab, scene.leader);
  const segment = segments[segments.indexOf(scene.accident.lastArchivedWal) - 1];
  if (segment === undefined) throw new Error(`too few segments: ${segments.join(' ')}`);
  return segment;
}

function inBackup({ scene }: Stage, path: string): string {
  const { id, server } = scene.accident.backup;
  return `/var/lib/barman/${server}/base/${id}/data/${path}`;
}
