import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labRelease } from '../../lab/release.ts';
import { module as access } from '../../lib/modules/barman/access.ts';
import { module as backup } from '../../lib/modules/barman/backup.ts';
import { module as backups } from '../../lib/modules/barman/backups.ts';
import { module as check } from '../../lib/modules/barman/check.ts';
import { module as servers } from '../../lib/modules/barman/servers.ts';
import { module as wal } from '../../lib/modules/barman/wal.ts';
import { formatInstant, instantAt } from '../../lib/recovery/wal/instant.ts';
import { parseInstant } from '../../lib/recovery/wal/parse-instant.ts';
import {
  DEFAULT_SEGMENT_SIZE,
  nextSegment,
  parseSegment,
  segmentNumber,
} from '../../lib/recovery/wal/segment.ts';
import { errorOf } from '../support/errors.ts';
import { ask, type BarmanLab, closedByHand, leaderOf, listening, openBarmanLab } from './barman-lab.ts';

let lab: BarmanLab;
let closedByItself: (() => Promise<unknown>) | undefined;
let chosen: Awaited<ReturnType<typeof backup.read>>;

beforeAll(async () => {
  lab = await openBarmanLab();
  closedByItself = await closedByHand(lab);
  chosen = await ask(backup, lab.barman, { id: 'latest' });
  // A backup that has just been taken has no WAL after it yet.
  const leader = await leaderOf(lab);
  for (const _ of [1, 2]) await lab.sh(`barman switch-wal --force --archive --archive-timeout 60 ${leader}`);
});
afterAll(async () => {
  await closedByItself?.();
  await lab[Symbol.asyncDispose]();
});

/** A moment so many microseconds after another one. */
function moment(time: string, microseconds: number): string {
  const parsed = parseInstant(time);
  if (!parsed.ok) throw new Error(parsed.problem.reason);
  return formatInstant(instantAt(parsed.instant + BigInt(microseconds)));
}
function unreadable(): never {
  throw new Error('not a segment');
}
/** Where the archives have a segment, whichever server; its path is the same for all of the test. */
async function fileOf(segment: string): Promise<string> {
  // What has arrived is put where it belongs first, so that nothing moves meanwhile.
  await lab.sh('for s in db1 db2 db3 db4; do barman archive-wal $s; done');
  const [path = ''] = (await lab.sh(`find /var/lib/barman/*/wals -name ${segment}`)).split('\n');
  if (path === '') throw new Error(`${segment} is in no archive`);
  return path;
}

describe('barman.servers', () => {
  it('names the servers of the configuration', async () => {
    expect((await ask(servers, lab.barman, {})).names).toEqual(['db1', 'db2', 'db3', 'db4']);
  });
});

describe('barman.backups', () => {
  it('tells from when to when each can be recovered', async () => {
    const all = await ask(backups, lab.barman, {});
    const ours = all.backups.find(({ id }) => id === chosen.id);
    expect(ours).toMatchObject({ server: chosen.server, status: 'DONE', from: chosen.end_time });
    expect(ours?.ranges).toMatchObject([
      { from: chosen.end_time, gaps: [] },
      ...(ours?.ranges.slice(1) ?? []),
    ]);
    expect(ours?.to && ours.to > chosen.end_time).toBe(true);
  });
});

describe('barman.backup', () => {
  it('tells what recovery must know, and agrees with Barman', async () => {
    const shown: unknown = JSON.parse(
      await lab.sh(`barman -f json show-backup ${chosen.server} ${chosen.id}`),
    );
    expect(shown).toMatchObject({
      [chosen.server]: {
        postgresql_version: chosen.postgresql_version,
        base_backup_information: {
          begin_wal: chosen.begin_wal,
          end_wal: chosen.end_wal,
          begin_lsn: chosen.begin_lsn,
          end_lsn: chosen.end_lsn,
          end_time: chosen.end_time.replace('+00', '+00:00'),
          timeline: chosen.timeline,
        },
      },
    });
    expect(chosen.system_id).toMatch(/^\d{19}$/);
    expect(chosen).toMatchObject({
      status: 'DONE',
      segment_size: 16_777_216,
      postgresql_major: labRelease.postgres,
      tablespaces: [],
    });
  });

  it('by id is the same, on the server that is found or named', async () => {
    expect(await ask(backup, lab.barman, { id: chosen.id })).toEqual(chosen);
    expect(await ask(backup, lab.barman, { id: chosen.id, server: chosen.server })).toEqual(chosen);
    expect((await ask(backup, lab.barman, { id: 'auto' })).id).toBe(chosen.id);
  });

  it('refuses an unknown id with a list of those that exist', async () => {
    const error = await errorOf(ask(backup, lab.barman, { id: '20200101T000000' }));
    expect(error).toMatchObject({ kind: 'refused', code: 'backup-unknown' });
    expect(error.message).toBe('Backup 20200101T000000 not found on any server');
    expect(error.details.join('\n')).toContain(
      `${chosen.server}  ${chosen.id}  DONE  ended ${chosen.end_time}`,
    );
    const elsewhere = await errorOf(ask(backup, lab.barman, { id: chosen.id, server: 'db4' }));
    expect(elsewhere.message).toBe(`Backup ${chosen.id} not found on server: db4`);
  });

  it('refuses a server that Barman does not have', async () => {
    const error = await errorOf(ask(backup, lab.barman, { id: chosen.id, server: 'db11' }));
    expect(error).toMatchObject({ kind: 'refused', code: 'barman-server-unknown' });
    expect(error.message).toBe('Barman has no server "db11" (did you mean "db1"?)');
  });

  it('refuses a backup that is not DONE, and one that several servers have', async () => {
    const id = '20261122T000000';
    const made = ['db3', 'db4'].map((server) => `/var/lib/barman/${server}/base/${id}`);
    try {
      await lab.sh(
        `mkdir ${made[0]}; printf 'status=WAITING_FOR_WALS\\ntimeline=1\\n' > ${made[0]}/backup.info`,
      );
      const waiting = await errorOf(ask(backup, lab.barman, { id }));
      expect(waiting).toMatchObject({ kind: 'refused', code: 'backup-not-done' });
      expect(waiting.message).toContain('its status is WAITING_FOR_WALS, not DONE');
      expect(waiting.next[0]).toContain('barman cron');
      await lab.sh(`cp -r ${made[0]} ${made[1]}`);
      const twice = await errorOf(ask(backup, lab.barman, { id }));
      expect(twice).toMatchObject({ kind: 'refused', code: 'backup-ambiguous' });
      expect(twice.message).toBe(`Backup ${id} exists on several servers: db3, db4`);
    } finally {
      await lab.sh(`rm -rf ${made.join(' ')}`);
    }
  });
});

describe('barman.wal', () => {
  it('counts what lies on disk for latest', async () => {
    const answer = await ask(wal, lab.barman, { backup: chosen });
    expect(answer).toMatchObject({
      latest: true,
      target_time: 'latest',
      first: chosen.begin_wal,
      reachable: { from: chosen.end_time, to: answer.archived_until.time },
    });
    expect(answer.servers_used[0]).toBe(chosen.server);
    const number = (name: string) => segmentNumber(parseSegment(name) ?? unreadable(), DEFAULT_SEGMENT_SIZE);
    expect(answer.segments).toBe(number(answer.archived_until.wal) - number(chosen.begin_wal) + 1);
    const path = await fileOf(answer.archived_until.wal);
    expect((await lab.sh(`stat -c %s ${path}`)).trim()).toBe('16777216');
  });

  it('a microsecond after the backup end is reachable, and says how little that is', async () => {
    const { context, warnings } = listening();
    const target_time = moment(chosen.end_time, 1);
    const answer = await ask(wal, lab.barman, { backup: chosen.id, target_time }, context);
    expect(answer).toMatchObject({ target_time, first: chosen.begin_wal, latest: false });
    expect(warnings.join()).toContain('0.000001 s after the end of the backup');
  });

  it.each([
    ['the very end of the backup', 0, 'Target time is the backup end time itself!'],
    ['a microsecond before it', -1, 'Target time is before backup end time!'],
    ['a day before it', -86_400_000_000, 'Target time is before backup end time!'],
  ])('refuses %s, with the valid range', async (_, microseconds, message) => {
    const target_time = moment(chosen.end_time, microseconds);
    const error = await errorOf(ask(wal, lab.barman, { backup: chosen.id, target_time }));
    expect(error).toMatchObject({ kind: 'refused', code: 'target-before-backup-end', message });
    expect(error.details).toContain('You can only recover to a time AFTER the backup completed.');
    expect(error.details).toContain(`  After: ${chosen.end_time}`);
    expect(error.details).toContain('  Or use: latest (to recover to most recent state)');
  });

  it('refuses a moment after the last archived WAL, with the valid range', async () => {
    const { archived_until } = await ask(wal, lab.barman, { backup: chosen.id });
    const last = await ask(wal, lab.barman, { backup: chosen.id, target_time: archived_until.time });
    expect(last.last).toBe(archived_until.wal);
    const target_time = moment(archived_until.time, 1);
    const error = await errorOf(ask(wal, lab.barman, { backup: chosen.id, target_time }));
    expect(error).toMatchObject({ kind: 'refused', code: 'target-after-last-archived' });
    expect(error.details.join('\n')).toContain(`  Until: ${archived_until.time}`);
    const auto = await errorOf(ask(backup, lab.barman, { id: 'auto', target_time }));
    expect(auto).toMatchObject({ kind: 'refused', code: 'target-after-last-archived' });
  });

  it('auto refuses a moment before all backups in the same words', async () => {
    const error = await errorOf(ask(backup, lab.barman, { id: 'auto', target_time: '2001-01-01 00:00:00Z' }));
    expect(error).toMatchObject({ kind: 'refused', code: 'target-before-backup-end' });
  });

  it.each([
    ['2026-11-22 09:34:43', 'does not say in which time zone'],
    ['2026-11-22 09:34:43 EST', 'does not stand for one offset'],
    ['half past nine', 'is not a date and a time of day'],
  ])('a target of %s is already refused by the schema', (target_time, reason) => {
    expect(() => wal.params.parse({ backup: chosen.id, target_time })).toThrow(reason);
  });

  it('names a missing segment, which Barman itself does not miss', async () => {
    const { last } = await ask(wal, lab.barman, { backup: chosen.id });
    const segment = chosen.begin_wal;
    const path = await fileOf(segment);
    await lab.sh(`mv ${path} /tmp/`);
    try {
      const listed = await lab.sh(`barman list-files --target wal ${chosen.server} ${chosen.id}`);
      expect(listed).toContain(segment);
      const error = await errorOf(ask(wal, lab.barman, { backup: chosen, target_time: 'latest' }));
      expect(error).toMatchObject({ kind: 'refused', code: 'wal-missing' });
      expect(error.details[0]).toBe(`Missing WAL files: ${segment}`);
      expect(error.details.join('\n')).toContain('Valid recovery times: none');
    } finally {
      await lab.sh(`mv /tmp/${segment} ${path}`);
    }
    expect((await ask(wal, lab.barman, { backup: chosen.id })).last).toBe(last);
  });

  it('a truncated segment is a gap: later moments are refused with what is still reachable, earlier ones are not', async () => {
    // The segment in which the backup ends may have been written last a moment before Barman says that it ended.
    const after = nextSegment(parseSegment(chosen.end_wal) ?? unreadable(), DEFAULT_SEGMENT_SIZE);
    const segment = nextSegment(parseSegment(after) ?? unreadable(), DEFAULT_SEGMENT_SIZE);
    const path = await fileOf(segment);
    await lab.sh(`cp -p ${path} /tmp/; truncate -s 1000 ${path}`);
    try {
      const error = await errorOf(ask(wal, lab.barman, { backup: chosen.id }));
      expect(error).toMatchObject({ kind: 'refused', code: 'wal-missing' });
      expect(error.message).toContain(`needs a segment that is missing: ${segment}`);
      expect(error.details.join('\n')).toMatch(
        new RegExp(`${segment} on db\\d is damaged: it has 1000 bytes`),
      );
      const until = /Until: (\S+ \S+) /.exec(error.details.join('\n'))?.[1] ?? '';
      expect(error.next[0]).toContain(`recovery ends at ${until}; what was written later is lost`);
      const { context, warnings } = listening();
      const near = await ask(wal, lab.barman, { backup: chosen.id, target_time: moment(until, -1) }, context);
      expect(near.last).toBe(after);
      expect(warnings.join()).toContain(`WAL is missing after the target (${segment})`);
    } finally {
      await lab.sh(`cp -p /tmp/${segment} ${path}; rm /tmp/${segment}`);
    }
  });

  it('the last segment gone is not taken for the end of the archive', async () => {
    const { archived_until } = await ask(wal, lab.barman, { backup: chosen.id });
    const path = await fileOf(archived_until.wal);
    await lab.sh(`mv ${path} /tmp/`);
    try {
      const error = await errorOf(ask(wal, lab.barman, { backup: chosen.id }));
      expect(error).toMatchObject({ code: 'wal-missing' });
      expect(error.details.join('\n')).toMatch(
        new RegExp(`${archived_until.wal} was archived on db\\d once; its file is gone`),
      );
    } finally {
      await lab.sh(`mv /tmp/${archived_until.wal} ${path}`);
    }
  });
});

describe('barman.check', () => {
  it('returns the checks as data', async () => {
    const answer = await ask(check, lab.barman, { server: chosen.server });
    expect(answer).toMatchObject({ ok: true, failed: [] });
    expect(answer.servers[chosen.server]?.ssh).toEqual({ ok: true, hint: 'PostgreSQL server' });
  });

  it('of an unknown server is refused', async () => {
    expect(await errorOf(ask(check, lab.barman, { server: 'dbX' }))).toMatchObject({
      code: 'barman-server-unknown',
    });
  });
});

describe('barman.access', () => {
  it('proves that Barman can log in to a node and finds rsync there', async () => {
    const { login } = await ask(access, lab.barman, { remote_ssh: 'ssh -q postgres@db2' });
    expect(login).toEqual({ user: 'postgres', host: expect.any(String), rsync: '/usr/bin/rsync' });
  });

  it('proves that the login leads to the node that is meant, and refuses one that leads to another', async () => {
    const remote_ssh = 'ssh -q postgres@db2';
    const { login } = await ask(access, lab.barman, { remote_ssh, node: 'db2' });
    expect(login).toMatchObject({ user: 'postgres' });
    expect(await errorOf(ask(access, lab.barman, { remote_ssh, node: 'db3' }))).toMatchObject({
      kind: 'refused',
      code: 'login-elsewhere',
    });
  });

  it.each(['ssh -q nobody@db2', 'ssh postgres@nowhere'])(
    'refuses %s with ssh’s own reason',
    async (remote_ssh) => {
      const error = await errorOf(ask(access, lab.barman, { remote_ssh }));
      expect(error).toMatchObject({ kind: 'refused', code: 'barman-cannot-log-in' });
      expect(error.evidence?.stderr ?? '').not.toBe('');
    },
  );

  it.each(['barman-wal-restore', 'barman-get-wal'])(
    'proves that a node can fetch WAL by %s',
    async (wal_method) => {
      const node = lab.host('db2');
      const wish = { ssh: 'barman@barman', servers: ['db1', 'db2', 'db3'], wal_method };
      expect((await ask(access, node, wish)).servers).toEqual(['db1', 'db2', 'db3']);
      const unknown = await errorOf(ask(access, node, { ...wish, servers: ['db1', 'dbX'] }));
      expect(unknown).toMatchObject({ kind: 'refused', code: 'wal-not-fetchable' });
      expect(unknown.message).toContain('dbX');
      const nowhere = await errorOf(ask(access, node, { ...wish, ssh: 'barman@nowhere' }));
      expect(nowhere).toMatchObject({ kind: 'refused', code: 'wal-not-fetchable' });
    },
  );
});
