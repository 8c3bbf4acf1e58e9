import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import { module as backup } from '../../lib/modules/barman/backup.ts';
import { module as moment } from '../../lib/modules/barman/moment.ts';
import { module as wal } from '../../lib/modules/barman/wal.ts';
import { errorOf } from '../support/errors.ts';
import { ask, type BarmanLab, closedByHand, listening, openBarmanLab } from './barman-lab.ts';

let lab: BarmanLab;
let closedByItself: (() => Promise<unknown>) | undefined;
let base: Awaited<ReturnType<typeof backup.read>>;
/** A transaction that is archived, and the file of its segment. */
let xid: string;
let file: string;

beforeAll(async () => {
  lab = await openBarmanLab();
  closedByItself = await closedByHand(lab);
  const leader = await currentLeader(lab.lab);
  await sql(lab.lab, leader, 'create table if not exists moments (at timestamptz default now())', {
    database: 'shop',
  });
  xid = (
    await sql(lab.lab, leader, 'insert into moments default values returning pg_current_xact_id()', {
      database: 'shop',
    })
  ).trim();
  for (const _ of [1, 2]) {
    await sql(lab.lab, leader, 'insert into moments default values', { database: 'shop' });
    await lab.sh(`barman switch-wal --force --archive --archive-timeout 60 ${leader}`);
  }
  await lab.sh('for s in db1 db2 db3 db4; do barman archive-wal $s; done');
  base = await ask(backup, lab.barman, { id: 'auto', target: { xid } });
  // Not where the server writes after the insert: it closes a segment by itself at any moment.
  const found = `select pg_walfile_name('${base.target.found_at}')`;
  const segment = (await sql(lab.lab, leader, found)).trim();
  file = (await lab.sh(`find /var/lib/barman/*/wals -name ${segment}`)).split('\n')[0] ?? '';
});
afterAll(async () => {
  await closedByItself?.();
  await lab[Symbol.asyncDispose]();
});

const look = (params: Readonly<Record<string, unknown>> = {}) =>
  ask(moment, lab.barman, { backup: base, target: base.target, ...params });

describe('barman.backup', () => {
  it('auto looks for a transaction in the WAL behind the backups, and says where it is and why this one', () => {
    expect(base.target).toMatchObject({ xid: Number(xid), found_at: expect.stringMatching('^0/') as string });
    expect(base.why.join('\n')).toContain(`${base.id} of server ${base.server} is the newest backup`);
  });
});

describe('barman.moment', () => {
  it('names the transaction, the one before it and the one after', async () => {
    const seen = await look({ target: { xid } });
    expect(seen).toMatchObject({
      stop: { side: 'after', what: 'commit', xid: Number(xid) },
      last_commit: { xid: Number(xid) },
      locked: [],
      marker_needed: false,
    });
    expect(await look()).toMatchObject({ stop: seen.stop, target: base.target });
    expect(await look({ target: { xid, inclusive: false } })).toMatchObject({
      stop: { side: 'before', xid: Number(xid) },
      next_commit: { xid: Number(xid) },
    });
  });

  /** Where Barman has registered what is archived: its name begins with that of the server since 3.13. */
  async function registerIn(wals: string): Promise<string> {
    return (await lab.sh(`ls ${wals}/*xlog.db`)).trim();
  }

  /** Packs the segment in place under its plain name, as Barman does it, and registers it so; then puts it back. */
  async function packed(
    name: string,
    command: string,
    work: (segment: string) => Promise<void>,
  ): Promise<void> {
    const register = await registerIn(file.replace(/\/wals\/.*$/, '/wals'));
    const segment = file.slice(file.lastIndexOf('/') + 1);
    await lab.sh(
      `cp -p ${file} /tmp/kept.wal; cp -p ${register} /tmp/kept.db; ${command} < /tmp/kept.wal > ${file}; ` +
        `touch -r /tmp/kept.wal ${file}; sed -i '/^${segment}\\t/s/None$/${name}/' ${register}`,
    );
    try {
      await work(segment);
    } finally {
      await lab.sh(`mv /tmp/kept.wal ${file}; mv /tmp/kept.db ${register}`);
    }
  }

  it('reads a segment that lies there packed as Barman unpacks it', async () => {
    const plain = await look();
    await packed('gzip', 'gzip -nc', async (segment) => {
      expect(await look()).toEqual(plain);
      const proved = await ask(wal, lab.barman, { backup: base, target: base.target });
      expect(proved.last).toBe(segment);
    });
  });

  it('says so when Barman cannot unpack a segment: it is not missing', async () => {
    const bzip2 = 'import bz2,sys; sys.stdout.buffer.write(bz2.compress(sys.stdin.buffer.read()))';
    // The lab's Barman host has no bzip2, which Barman calls for that.
    await packed('bzip2', `python3 -c '${bzip2}'`, async (segment) => {
      const error = await errorOf(look());
      expect(error).toMatchObject({ kind: 'failed', code: 'wal-unreadable' });
      expect(error.message).toContain(segment);
      expect(error.evidence?.stderr).toMatch(/bzip2/);
    });
  });

  it('refuses a damaged segment, with its name and what can be reached before it', async () => {
    await lab.sh(`cp -p ${file} /tmp/kept.wal`);
    try {
      await lab.sh(`printf '\\125\\125\\125\\125' | dd of=${file} bs=1 seek=64 conv=notrunc 2>/dev/null`);
      const error = await errorOf(look());
      expect(error).toMatchObject({ kind: 'refused', code: 'wal-damaged' });
      expect(error.message).toContain(file.slice(file.lastIndexOf('/') + 1));
      expect(error.next.join('\n')).toMatch(/target_lsn=0\/[0-9A-F]+/);
    } finally {
      await lab.sh(`mv /tmp/kept.wal ${file}`);
    }
  });

  it('reads the tail that is archived in part, up to where it ends', async () => {
    const leader = await currentLeader(lab.lab);
    const wals = `/var/lib/barman/${leader}/wals`;
    const register = await registerIn(wals);
    const segment = file.slice(file.lastIndexOf('/') + 1);
    const [, low = '0'] = String(base.target.found_at).split('/');
    const cut = (Number.parseInt(low, 16) % 16_777_216) + 64;
    // Nothing newer was ever archived: neither files nor what the register knows of them.
    await lab.sh(
      `mkdir /tmp/kept; cp -p ${register} /tmp/kept/xlog.db; cd ${wals}/${segment.slice(0, 16)}; ` +
        `for f in *; do if ! [ "$f" \\< ${segment} ]; then mv "$f" /tmp/kept/; fi; done; ` +
        `head -c ${cut} /tmp/kept/${segment} > ${segment}.partial; touch -r /tmp/kept/${segment} ${segment}.partial; ` +
        `awk '$1 < "${segment}"' /tmp/kept/xlog.db > ${register}`,
    );
    try {
      const proved = await ask(wal, lab.barman, { backup: base, target: 'latest' });
      expect(proved.archived_until).toMatchObject({ wal: segment, partial: true });
      expect(await look({ target: 'latest' })).toMatchObject({ last_commit: { xid: Number(xid) } });
    } finally {
      await lab.sh(
        `cd ${wals}/${segment.slice(0, 16)}; rm -f ${segment}.partial; mv /tmp/kept/xlog.db ${register}; mv /tmp/kept/* .; rmdir /tmp/kept`,
      );
    }
  });

  it('finds a restore point on the host of Barman itself, and reads only the segments around it', async () => {
    const leader = await currentLeader(lab.lab);
    // Of this run alone: a lab is used again.
    const name = `before the deploy ${xid}`;
    await sql(lab.lab, leader, `select pg_create_restore_point('${name}')`, { database: 'shop' });
    for (const _ of [1, 2, 3, 4, 5, 6]) {
      await sql(lab.lab, leader, 'insert into moments default values', { database: 'shop' });
      await lab.sh(`barman switch-wal --force --archive --archive-timeout 60 ${leader}`);
    }
    const heard = listening();
    const target = { name };
    const seen = await ask(moment, lab.barman, { backup: base, target }, heard.context);
    expect(seen.stop).toMatchObject({ what: 'restore point' });
    expect(heard.warnings).toEqual([]);
    expect(seen.segments_read).toBeLessThan(7);
  });

  it('says where it had to stop looking', async () => {
    const segment = file.slice(file.lastIndexOf('/') + 1);
    await lab.sh(`mv ${file} /tmp/kept.wal`);
    try {
      const sought = await errorOf(look({ target: { xid } }));
      expect(sought).toMatchObject({ code: 'target-not-found' });
      expect(sought.details.join('\n')).toContain(`${segment} is missing`);
      const known = await errorOf(look());
      expect(known).toMatchObject({ code: 'wal-missing' });
      expect(known.details.join('\n')).toContain('Until: ');
      expect((await look({ accept_gap: true })).target).toEqual({ time: 'latest' });
    } finally {
      await lab.sh(`mv /tmp/kept.wal ${file}`);
    }
  });

  it('refuses what is in no archive', async () => {
    expect(await errorOf(look({ target: { xid: 4_000_000_000 } }))).toMatchObject({
      code: 'target-not-found',
    });
    expect(await errorOf(look({ target: { time: '2126-01-01 00:00:00+00' } }))).toMatchObject({
      code: 'target-after-last-archived',
    });
    expect(
      await errorOf(look({ target: { time: '2126-01-01 00:00:00+00' }, marker: true, leader_timeline: 1 })),
    ).toMatchObject({
      code: 'target-after-last-commit',
      details: expect.arrayContaining(['That moment has not come yet.']) as string[],
    });
  });
});
