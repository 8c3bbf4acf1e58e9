import { describe, expect, it } from 'vitest';
import { effectiveSettings } from '../../../../lib/recovery/postgres/conf-file.ts';
import { keptSettings, recoverySettings } from '../../../../lib/recovery/postgres/recovery-settings.ts';
import { highestSettings } from '../../../../lib/recovery/postgres/settings-floor.ts';

const kept = (before: string | undefined, present: string, origin?: string) =>
  keptSettings({
    present: effectiveSettings(present),
    before: before === undefined ? undefined : effectiveSettings(before),
    origin: origin === undefined ? undefined : effectiveSettings(origin),
  }).kept;

describe('settings that replay must not undercut', () => {
  it('are as high as the backup, its configuration or the live node has them, whichever is highest', () => {
    const conf = effectiveSettings("max_connections = '100'\nmax_wal_senders = 20\nwork_mem = 4096\n");
    expect(
      highestSettings([
        { max_connections: 100, max_wal_senders: 10, max_worker_processes: 8 },
        conf,
        { max_connections: 300, max_wal_senders: 10, max_worker_processes: 8 },
      ]),
    ).toEqual({ max_connections: 300, max_wal_senders: 20, max_worker_processes: 8 });
  });

  it('are left to PostgreSQL where a file says something that is no number', () => {
    expect(highestSettings([effectiveSettings("max_connections = 'many'\nmax_wal_senders = ''\n")])).toEqual(
      {},
    );
  });

  it('are written after all else, so that they win over what ALTER SYSTEM had set', () => {
    const settings = recoverySettings({
      target: { kind: 'latest' },
      timeline: 1,
      action: 'pause',
      restoreCommand: 'false',
      atLeast: { max_connections: 300 },
    });
    expect(settings.at(-1)).toEqual({ name: 'max_connections', value: '300' });
  });

  it('are again what ALTER SYSTEM had made them once the recovery is over, or not set', () => {
    const during =
      "max_connections = '200'\nwork_mem = '7MB'\nmax_connections = '300'\nmax_wal_senders = '20'\n";
    expect(kept("max_connections = '200'\n", during)).toEqual([
      { name: 'max_connections', value: '200' },
      { name: 'work_mem', value: '7MB' },
    ]);
    expect(kept('', during)).toEqual([{ name: 'work_mem', value: '7MB' }]);
    expect(kept('', during, "max_wal_senders = '12'\n")).toContainEqual({
      name: 'max_wal_senders',
      value: '12',
    });
  });

  it('that the backup had from ALTER SYSTEM are kept before a recovery has written anything', () => {
    expect(kept(undefined, "max_connections = '200'\n")).toEqual([{ name: 'max_connections', value: '200' }]);
  });
});
