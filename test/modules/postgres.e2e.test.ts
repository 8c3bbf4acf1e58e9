import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed, type Seed } from '../../lab/seed.ts';
import { type DatabaseHost, databaseHosts, postgresBin } from '../../lab/topology.ts';
import { quoteConf } from '../../lib/recovery/postgres/conf-file.ts';
import {
  oneLine,
  type RestoreCommandFacts,
  restoreCommandTemplate,
  restoreCommandValues,
} from '../../lib/recovery/postgres/restore-command.ts';
import { quote } from '../../lib/transport/quote.ts';
import { errorOf } from '../support/errors.ts';
import { sharedLab } from '../support/lab.ts';
import { labPlayground, nodeParams } from './lab-playground.ts';
import type { Playground } from './playground.ts';
import { productTemplate } from './product-template.ts';

let lab: Lab;
let play: Playground;
let leader: DatabaseHost;
let target: DatabaseHost;
/** A directory for a socket that is not there. */
const GONE = '/run/pitr-gone';

beforeAll(async () => {
  lab = await sharedLab();
  play = labPlayground(lab.prefix);
  leader = await currentLeader(lab);
  target = databaseHosts.filter((host) => host !== leader)[1] ?? 'db2';
});

afterAll(() => play.close());

describe('a value in a configuration file', () => {
  it('is read by PostgreSQL as it was meant, whatever is in it', async () => {
    const values = fc
      .sample(fc.string({ unit: 'binary', maxLength: 60 }), 150)
      .filter((value) => !value.includes('\0'));
    const hostile = [
      "it's",
      'a\\b',
      'a\nb',
      "'; drop",
      '%f "$x" `y`',
      '#',
      '\\',
      "\\'",
      '\u0001\t\r',
      'ü€😀',
      '',
    ];
    const all = [...values, ...hostile];
    const script = `cd "$(mktemp -d)" && chmod 700 . && touch postgresql.auto.conf && while read -r line; do
      printf '%s' "$line" | base64 -d > postgresql.conf
      ${postgresBin}/postgres -D . -C restore_command | base64 -w 0; echo
    done`;
    const stdin = all
      .map((value) => Buffer.from(`restore_command = ${quoteConf(value)}\n`).toString('base64'))
      .join('\n');
    const { stdout, stderr } = await lab.exec(target, ['sh', '-c', script], {
      user: 'postgres',
      stdin: `${stdin}\n`,
    });
    const read = stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => Buffer.from(line, 'base64').toString('utf8'));
    expect(stderr).toBe('');
    // `-C` ends its answer with a newline of its own.
    expect(read).toEqual(all.map((value) => `${Buffer.from(value).toString('utf8')}\n`));
  });
});

describe('a query', () => {
  const ask = (params: object, host = leader) =>
    play.run('postgres.query', { ...nodeParams(host).postgres, ...params }, host);

  it('answers with types, on leader and replica', async () => {
    const statement = "select 1 as n, 'a b' as t, true as b, null as x, 9007199254740993 as big";
    expect((await ask({ sql: statement })).result).toEqual({
      rows: [{ n: 1, t: 'a b', b: true, x: null, big: '9007199254740993' }],
      row_count: 1,
    });
    expect((await ask({ sql: 'select pg_is_in_recovery()', expect: true }, target)).result).toMatchObject({
      value: true,
    });
    expect((await ask({ sql: 'show port', expect: 5431 })).result).toMatchObject({ value: '5431' });
  });

  it('fails with both values where the answer is another', async () => {
    expect(await errorOf(ask({ sql: 'select 1', expect: 2 }))).toMatchObject({
      code: 'unexpected-answer',
      message: 'the database answers 1, expected 2',
    });
  });

  it('cannot write', async () => {
    await sql(lab, leader, 'create sequence if not exists pitr_numbers');
    const error = await errorOf(ask({ sql: "select nextval('pitr_numbers')" }));
    expect(error).toMatchObject({ code: 'query-failed', next: [expect.stringContaining('core.command')] });
    expect(error.evidence?.stderr).toContain('25006');
    await sql(lab, leader, 'drop sequence pitr_numbers');
    for (const smuggled of [
      'explain analyze create table pitr_written as select 1',
      'select 1) as x; create table pitr_written(); select * from (select 1',
    ]) {
      expect(await errorOf(ask({ sql: smuggled }))).toMatchObject({
        kind: 'validation',
        code: 'not-one-query',
      });
    }
    expect(await sql(lab, leader, "select to_regclass('pitr_written') is null")).toBe('t');
  });

  it('ends at its time limit, and does not wait for ever for a lock', async () => {
    expect(await errorOf(ask({ sql: 'select pg_sleep(20)', timeout: 0.5 }))).toMatchObject({
      message: expect.stringContaining('statement timeout'),
    });
    await sql(lab, leader, 'create table if not exists pitr_locked (n int)');
    // Until it is cancelled: a machine may need longer for a look than any time that is set here.
    const locked = sql(lab, leader, 'begin; lock table pitr_locked; select pg_sleep(100);').catch(String);
    const error = await errorOf(
      (async () => {
        for (;;) await ask({ sql: 'select count(*) from pitr_locked', lock_timeout: 0.3 });
      })(),
    );
    expect(error.details.join(' ')).toContain('holds a lock');
    const holder = "from pg_locks where relation = 'pitr_locked'::regclass and granted";
    await sql(lab, leader, `select pg_cancel_backend(pid) ${holder}`);
    expect(await locked).toContain('canceling statement');
    await sql(lab, leader, 'drop table pitr_locked');
  });

  it('tells apart that nobody is there to answer', async () => {
    expect(await errorOf(ask({ sql: 'select 1', pgdata: '/nowhere' }))).toMatchObject({
      code: 'database-unreachable',
    });
    expect(await errorOf(ask({ sql: 'select 1', database: "no'such db=x" }))).toMatchObject({
      code: 'database-unreachable',
    });
  });
});

describe('server settings', () => {
  const set = (settings: object) =>
    play.run('postgres.settings', { ...nodeParams(leader).postgres, settings }, leader);

  it('are set once, take force, and go back by undo', async () => {
    const wanted = { log_min_duration_statement: '250ms', log_line_prefix: `it's a \\ "test" {{ ; --` };
    expect(await set(wanted)).toMatchObject({
      status: 'changed',
      result: { settings: wanted, restart_needed: [] },
    });
    expect((await set(wanted)).status).toBe('ok');
    await play.undo();
    expect(
      await sql(
        lab,
        leader,
        "select count(*) from pg_file_settings where sourcefile like '%auto.conf' and name in ('log_min_duration_statement', 'log_line_prefix')",
      ),
    ).toBe('0');
  });

  it('are set all or none', async () => {
    await errorOf(set({ work_mem: '9MB', no_such_setting: 1 }));
    expect(
      await sql(
        lab,
        leader,
        "select count(*) from pg_file_settings where sourcefile like '%auto.conf' and name = 'work_mem'",
      ),
    ).toBe('0');
  });
});

describe('an isolated recovery', () => {
  let seed: Seed;
  let timeline: number;

  beforeAll(async () => {
    seed = await labSeed(lab, silent);
    timeline = Number(await sql(lab, leader, 'select timeline_id from pg_control_checkpoint()'));
  });

  const postgres = (params: object = {}) => ({ ...nodeParams(target).postgres, ...params });
  const run = (name: string, params: object = {}) => play.run(name, postgres(params), target);
  const side = (): string => `${postgres().pgdata}.pitr`;
  const recovery = (params: object = {}) => ({
    directory: side(),
    pgdata: postgres().pgdata,
    user: 'postgres',
    timeline,
    server: leader,
    servers: [...databaseHosts],
    ...params,
  });

  describe.each(['barman-wal-restore', 'barman-get-wal'] as const)('restore_command with %s', (method) => {
    const present = (): string => seed.lastArchivedWal;
    // In a log that no lab comes to, however long it is kept.
    const never = (): string => `${present().slice(0, 8)}000000FF000000F0`;

    it.each<readonly [string, () => string, Partial<RestoreCommandFacts>, number, string]>([
      ['delivers what is archived', present, {}, 0, ''],
      ['proves absence', never, {}, 1, 'pitr: absent'],
      ['proves absence over all servers', never, { servers: [...databaseHosts] }, 1, 'pitr: absent'],
      ['proves that a timeline is free', () => '000000F0.history', {}, 1, 'pitr: absent'],
      ['does not take an unknown server for absence', never, { servers: ['nope'] }, 75, 'nope(exit code 1)'],
      [
        'does not take a host that is away for absence',
        never,
        { login: { user: 'barman', host: 'nohost' } },
        75,
        'pitr: doubt',
      ],
      [
        'does not take an archive without its backup for absence',
        never,
        { anchor: { server: 'db1', segment: '00000001000000FF000000F0' } },
        75,
        'does not show its own backup',
      ],
      ['never delivers a wrong size', present, { segmentSize: 1024 * 1024 }, 75, 'delivered 16777216 bytes'],
      ['tells a bad name from absence', () => 'nonsense', {}, 75, 'exit code 3'],
      ['stops a recovery in doubt', never, { servers: ['nope'], signal: 'recovery' }, 255, 'pitr: doubt'],
    ])('%s', async (_, file, facts, exit, words) => {
      const { answer, stderr } = await fetched(file(), facts);
      expect(answer).toBe(exit === 0 ? '0 pg_wal/RECOVERYXLOG 16777216 600' : String(exit));
      expect(stderr).toContain(words);
    });

    it('finds the server that has it among all, whichever is asked first', async () => {
      const servers = [...databaseHosts.filter((host) => host !== leader), leader];
      const { answer, stderr } = await fetched(present(), { servers });
      expect(answer).toBe('0 pg_wal/RECOVERYXLOG 16777216 600');
      expect(stderr).not.toContain('pitr:');
    });

    it('proves absence also where the login runs barman and no shell', async () => {
      const only =
        'case $SSH_ORIGINAL_COMMAND in barman*) exec sh -c "$SSH_ORIGINAL_COMMAND";; *) exit 1;; esac';
      const keys = '/var/lib/barman/.ssh/authorized_keys';
      const close = `printf '#!/bin/sh\n%s\n' "$1" >/tmp/only-barman && chmod 755 /tmp/only-barman && cp -p ${keys} ${keys}.open && sed -i 's|^ssh-|command="/tmp/only-barman" ssh-|' ${keys}`;
      await lab.mustExec('barman', ['sh', '-c', close, 'sh', only]);
      try {
        expect(await fetched(never(), { servers: [...databaseHosts] })).toMatchObject({ answer: '1' });
        expect((await fetched(present(), { servers: [leader] })).answer).toMatch(/^0 /);
        expect((await fetched(never(), { servers: ['nope'] })).answer).toBe('75');
      } finally {
        await lab.mustExec('barman', ['sh', '-c', `mv -f ${keys}.open ${keys}; rm /tmp/only-barman`]);
      }
    });

    /** Fetches a file on the target as PostgreSQL would; `answer`: exit code, and the file that has come. */
    async function fetched(file: string, facts: Partial<RestoreCommandFacts>) {
      const all: RestoreCommandFacts = {
        method,
        login: { user: 'barman', host: 'barman' },
        servers: [leader],
        directories: [],
        segmentSize: 16 * 1024 * 1024,
        signal: 'standby',
        ...facts,
      };
      const text = oneLine(
        productTemplate(restoreCommandTemplate(method), { ...restoreCommandValues(all, quote) }),
      );
      const line = text.replace(
        /%[fp%]/g,
        (code) => ({ '%f': file, '%p': 'pg_wal/RECOVERYXLOG' })[code] ?? '%',
      );
      const script = `cd "$(mktemp -d)" && mkdir pg_wal && (${line}); code=$?; echo "$code" $(stat -c '%n %s %a' pg_wal/* 2>/dev/null)`;
      const { stdout, stderr } = await lab.exec(target, ['sh', '-c', script], { user: 'postgres' });
      return { answer: stdout.trim(), stderr };
    }

    it('does not take a file that cannot be read for absence', async () => {
      const path = `/var/lib/barman/${leader}/wals/${present().slice(0, 16)}/${present()}`;
      await lab.mustExec('barman', ['chmod', '000', path]);
      try {
        const all = {
          method,
          login: { user: 'barman', host: 'barman' },
          servers: [leader],
          directories: [],
          segmentSize: 16777216,
          signal: 'standby' as const,
        };
        const text = oneLine(
          productTemplate(restoreCommandTemplate(method), { ...restoreCommandValues(all, quote) }),
        );
        const line = text.replace(/%[fp%]/g, (code) => ({ '%f': present(), '%p': 'wal' })[code] ?? '%');
        const { exitCode, stderr } = await lab.exec(target, ['sh', '-c', `cd "$(mktemp -d)"; ${line}`], {
          user: 'postgres',
        });
        expect(exitCode).toBe(75);
        expect(stderr).toContain('holds it, cannot deliver it');
      } finally {
        await lab.mustExec('barman', ['chmod', '640', path]);
      }
    });
  });

  it('waits at the end of WAL for a target after the last commit, is readable, is promoted only on purpose, and is undone', async () => {
    const { pgdata } = postgres();
    await lab.mustExec('barman', [
      'runuser',
      '-u',
      'barman',
      '--',
      'barman',
      'recover',
      '--remote-ssh-command',
      `ssh -q postgres@${target}`,
      '--get-wal',
      seed.backup.server,
      seed.backup.id,
      side(),
    ]);
    await lab.mustExec(target, ['sh', '-c', `echo "work_mem = '7MB'" >> ${side()}/postgresql.auto.conf`]);
    // Still to come: autovacuum commits by itself, and a server closes segments by itself.
    const late = "now() at time zone 'UTC' + interval '1 day'";
    const after = await sql(lab, leader, `select to_char(${late}, 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`);
    const prepared = await play.run('postgres.recovery', recovery({ target: after }), target);
    expect(prepared).toMatchObject({ status: 'changed', result: { kept: ['work_mem'], dropped: [] } });
    expect((await play.run('postgres.recovery', recovery({ target: after }), target)).status).toBe('ok');

    await play.run('patroni.member', { ...nodeParams(target).member, state: 'stopped' }, target);
    expect(await errorOf(run('postgres.start', { mode: 'isolated' }))).toMatchObject({
      kind: 'refused',
      code: 'not-prepared',
    });
    await lab.mustExec(target, ['mv', '-T', pgdata, `${pgdata}.old`]);
    await lab.mustExec(target, ['mv', '-T', side(), pgdata]);
    try {
      expect((await run('postgres.start', { mode: 'isolated' })).status).toBe('changed');
      expect((await run('postgres.start', { mode: 'isolated' })).status).toBe('ok');
      expect(
        await errorOf(play.run('patroni.member', { ...nodeParams(target).member, state: 'running' }, target)),
      ).toMatchObject({
        code: 'recovery-runs-isolated',
      });
      const replay = await run('postgres.replay', { target: after, last: seed.lastArchivedWal, stall: 60 });
      expect(replay.result).toMatchObject({
        reached: 'end-of-wal',
        paused: false,
        promoted: false,
        timeline,
      });
      await run('postgres.query', {
        sql: 'select count(*) from orders',
        database: 'shop',
        expect: seed.rowsNow.orders,
      });
      // From elsewhere nobody gets in, and nothing listens.
      const outside = await lab.exec(leader, [`${postgresBin}/pg_isready`, '-h', target, '-p', '5431']);
      expect(outside.exitCode).toBe(2);

      expect(await errorOf(run('postgres.promote'))).toMatchObject({
        kind: 'refused',
        code: 'target-not-yet-reached',
      });
      const promoted = await run('postgres.promote', { unreached_target: 'accept' });
      expect(promoted.result?.timeline).toBeGreaterThan(timeline);
      expect((await run('postgres.promote')).status).toBe('ok');
      await run('postgres.query', {
        sql: 'select count(*) from orders',
        database: 'shop',
        expect: seed.rowsNow.orders,
      });

      expect(
        (await play.run('postgres.recovery', { ...recovery(), state: 'absent', directory: pgdata }, target))
          .status,
      ).toBe('changed');
      const left = await lab.mustExec(target, [
        'sh',
        '-c',
        `cd ${pgdata}; ls -A | grep -E 'signal|origin|pitr|barman' || true; cat postgresql.auto.conf`,
      ]);
      expect(left.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
        "work_mem = '7MB'",
      ]);

      // A directory below /run is gone after a boot.
      const sockets = `echo "unix_socket_directories = '/var/run/postgresql,${GONE}'" >> ${pgdata}/postgresql.auto.conf`;
      await lab.mustExec(target, ['sh', '-c', sockets]);
      const missing = await errorOf(run('postgres.start', { mode: 'closed' }));
      expect(missing).toMatchObject({
        kind: 'refused',
        code: 'socket-directory-missing',
        message: expect.stringContaining(GONE),
        state: 'Nothing was stopped, and nothing was started.',
      });
      // What runs is not stopped for a start that cannot be.
      expect((await play.run('postgres.control', { pgdata }, target)).result).toMatchObject({
        mode: 'isolated',
        running: true,
      });
      const [made = ''] = missing.next.map((line) => line.slice(line.indexOf('install ')));
      await lab.mustExec(target, ['sh', '-c', made]);

      expect((await run('postgres.start', { mode: 'closed' })).status).toBe('changed');
      const refused = await lab.exec(leader, [
        'sh',
        '-c',
        `PGPASSFILE=/var/lib/postgresql/.pgpass-patroni ${postgresBin}/psql -w -h ${target} -p 5431 -U replicator -d postgres -c 'select 1'`,
      ]);
      expect(refused.stderr).toContain('no pg_hba.conf entry');
      expect((await run('postgres.access', { mode: 'closed' })).status).toBe('ok');
      expect(await run('postgres.access', { mode: 'open' })).toMatchObject({
        status: 'changed',
        result: { archive_command: 'false' },
      });
      expect((await play.run('postgres.control', { pgdata }, target)).result).toMatchObject({
        mode: 'open',
        role: 'primary',
      });
      await play.undo();
      expect((await play.run('postgres.control', { pgdata }, target)).result).toMatchObject({
        mode: 'closed',
        running: true,
      });
      expect((await run('postgres.stop')).status).toBe('changed');
    } finally {
      await run('postgres.stop', { any: true });
      await lab.mustExec(target, [
        'sh',
        '-c',
        `rm -rf ${pgdata} ${pgdata}.pitr-run ${GONE} && mv -T ${pgdata}.old ${pgdata}`,
      ]);
      await play.run('patroni.member', { ...nodeParams(target).member, state: 'running' }, target);
    }
    const { result } = await play.run(
      'patroni.streaming',
      { ...nodeParams(target).patroni, ...postgres() },
      target,
    );
    expect(result).toMatchObject({ leader, timeline });
  });
});
