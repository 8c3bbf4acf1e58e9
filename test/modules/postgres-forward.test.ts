import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { effectiveSettings, quoteConf } from '../../lib/recovery/postgres/conf-file.ts';
import { play } from '../engine/support.ts';
import { errorOf } from '../support/errors.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { productTemplate } from './product-template.ts';
import { programAt } from './program-at.ts';

/** `postgres.forward` by a shell of this machine, beside a process that works in the data like an isolated PostgreSQL. */

const COMMAND = 'echo "pitr: absent %f"; exit 1';
const SEGMENT = '000000010000000000000006';
const EARLIER = '2026-11-22 09:00:00+00';
const LATER = '2026-11-22 10:00:00+00';

let ground: LocalPlayground;
const at = (name: string): string => join(ground.dir, name);

beforeEach(async () => {
  ground = await localPlayground();
  ground.play.template = (extra, path) => productTemplate(path, extra);
  for (const name of ['bin', 'main', 'main.pitr-run']) await mkdir(at(name));
  await writeFile(at('main/PG_VERSION'), '15\n');
  await writeFile(at('main/standby.signal'), '');
  const control = `Database system identifier: 7574860154936918053
Database cluster state: in archive recovery
Latest checkpoint location: 0/5000028
Latest checkpoint's REDO location: 0/5000028
Latest checkpoint's TimeLineID: 1
Minimum recovery ending location: 0/50000A0
Bytes per WAL segment: 16777216`;
  await program('pg_controldata', `cat <<'END'\n${control}\nEND`);
  await aimedAt(EARLIER);
});
afterEach(() => ground[Symbol.asyncDispose]());

async function program(name: string, script: string): Promise<void> {
  await writeFile(at(`bin/${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** What the file says, as postgres.recovery leaves it. */
async function aimedAt(time: string): Promise<void> {
  await aimedWith({ recovery_target_time: time });
}

async function aimedWith(stop: Readonly<Record<string, string>>): Promise<void> {
  const settings = {
    work_mem: '64MB',
    restore_command: COMMAND,
    recovery_target_timeline: '1',
    ...stop,
    recovery_target_action: 'pause',
  };
  const text = Object.entries(settings).map(([name, value]) => `${name} = ${quoteConf(value)}\n`);
  await writeFile(at('main/postgresql.auto.conf'), text.join(''));
}

/** What PostgreSQL leaves of a start, also when it is stopped: isolated, unless it listens. */
async function started(listen = ''): Promise<void> {
  const words = ['-D', at('main'), '-c', `listen_addresses=${listen}`, '-c', 'archive_command='];
  const options = words.map((word) => `"${word}"`).join(' ');
  await writeFile(at('main/postmaster.opts'), `${at('bin/postgres')} ${options}\n`);
}

const PID_FILE = (pid: number | string | undefined): string =>
  [pid, at('main'), 1_795_340_083, 5432, at('main.pitr-run'), '', 1, 'standby', ''].join('\n');

/** It runs isolated, with the stop that its file had then. */
async function runs(stop = EARLIER) {
  const process = await programAt(ground.dir, 'postgres', at('main'));
  await started();
  await writeFile(at('main/postmaster.pid'), PID_FILE(process.pid));
  await worksWith(stop);
  return process;
}

/** What is in force in it. */
async function worksWith(stop: string, fetch = COMMAND): Promise<void> {
  const answer = {
    lsn: '0/50000A0',
    commit: '2026-11-22 08:59:00.000000+00',
    // As PostgreSQL 15 tells: each with what it is by default.
    settings: {
      recovery_target: ['', ''],
      recovery_target_action: ['pause', 'pause'],
      recovery_target_inclusive: ['on', 'on'],
      recovery_target_lsn: ['', ''],
      recovery_target_name: ['', ''],
      recovery_target_time: [stop, ''],
      recovery_target_timeline: ['1', 'latest'],
      recovery_target_xid: ['', ''],
      restore_command: [fetch, ''],
    },
  };
  await program('psql', `cat <<'END'\n${JSON.stringify(answer)}\nEND`);
}

const params = () => ({ target: LATER, pgdata: at('main'), bin: at('bin'), user: userInfo().username });

/** What it would do, as `--check` tells. */
async function forward(more: Readonly<Record<string, unknown>> = {}) {
  const [outcome] = await ground.play.check(['postgres.forward', { ...params(), ...more }]);
  const text = outcome?.diff?.[0]?.after ?? '';
  return { status: outcome?.status, text, written: effectiveSettings(text) };
}

async function tasksOfForward() {
  const { plays } = await loadPlaybook(join(productPlaybooks(), 'forward.yml'));
  return plays.flatMap(({ tasks }) => flatTasks(tasks));
}

describe('a moment that lies where WAL ends with the beginning of a segment', () => {
  const beginning = {
    partial: { segment: SEGMENT, server: 'db1' },
    server: 'db1',
    servers: ['db1', 'db2'],
    begin_wal: '000000010000000000000003',
  };
  const FETCHES = new RegExp(`"\\$f" = ${SEGMENT} \\]; then server=db1; if barman get-wal --partial`);

  it('is aimed at together with a restore_command that fetches that beginning', async () => {
    await using _ = await runs();
    const { status, text, written } = await forward(beginning);
    expect(status).toBe('changed');
    expect(written.get('recovery_target_time')).toBe(LATER);
    expect(written.get('restore_command')).toMatch(FETCHES);
    expect(written.get('restore_command')).toContain(beginning.begin_wal);
    expect(written.get('work_mem')).toBe('64MB');
    expect(text.match(/^restore_command/gm)).toHaveLength(1);
  });

  it('leaves restore_command as it is where no beginning is needed', async () => {
    await using _ = await runs();
    const { written } = await forward({ server: 'db1' });
    expect(written.get('restore_command')).toBe(COMMAND);
  });

  it('writes restore_command anew where WAL is needed of a server that it does not ask, and only then', async () => {
    const { partial: _partial, ...whole } = beginning;
    await using _ = await runs();
    const { written: begun } = await forward({ ...beginning, servers: ['db1'] });
    const first = begun.get('restore_command') ?? '';
    await aimedWith({ restore_command: first, recovery_target_time: EARLIER });
    await worksWith(EARLIER, first);
    expect((await forward({ ...whole, servers: ['db1'] })).written.get('restore_command')).toBe(first);
    const { written } = await forward(whole);
    expect(written.get('restore_command')).toContain('for server in db1 db2;');
    expect(written.get('restore_command')).not.toMatch(FETCHES);
    // A run that was broken off before PostgreSQL was stopped has written it, and what is in force is the first one still.
    await aimedWith({ restore_command: written.get('restore_command') ?? '', recovery_target_time: LATER });
    await worksWith(LATER, first);
    expect((await forward(whole)).status).toBe('changed');
    const other = { ...whole, wal_method: 'barman-get-wal' };
    expect(await errorOf(forward(other))).toMatchObject({
      code: 'wal-method-differs',
      details: [expect.stringContaining('it does not ask db2')],
    });
  });

  it('is refused where nobody says which servers have it', async () => {
    const { servers: _servers, server: _server, ...alone } = beginning;
    expect(String(await errorOf(forward(alone)))).toContain('the Barman servers that hold the WAL');
  });

  it.each([
    ['barman-get-wal', 'barman-wal-restore', '-e wal_method=barman-get-wal'],
    ['barman-wal-restore', 'barman-get-wal', '-e wal_method=barman-wal-restore'],
    ['local', 'barman-get-wal', `-e wal_method=local -e '{"wal_directories"`],
  ])('is refused where it began with %s, and the run says %s', async (began, says, way) => {
    await using _ = await runs();
    const methods = { wal_directories: [at('main')], ssh: 'barman@backup1' };
    const { written } = await forward({ ...beginning, ...methods, wal_method: began });
    await aimedWith({ restore_command: written.get('restore_command') ?? '', recovery_target_time: EARLIER });
    expect(await errorOf(forward({ ...beginning, ...methods, wal_method: says }))).toMatchObject({
      code: 'wal-method-differs',
      next: [expect.stringContaining(way)],
    });
    expect((await forward({ ...beginning, ...methods, wal_method: began })).status).toBe('changed');
  });

  it('is refused where no directory is given to fetch WAL from: all of it would count as absent', async () => {
    await using _ = await runs();
    expect(String(await errorOf(forward({ ...beginning, wal_method: 'local' })))).toContain(
      'the directories that hold WAL',
    );
  });

  it('is told to it by forward.yml, as a first recovery is told', async () => {
    const task = (await tasksOfForward()).find(({ module }) => module === 'postgres.forward');
    expect(task?.args.value).toMatchObject({
      partial: '{{ default aimed.partial omit }}',
      server: '{{ recovery.server }}',
      begin_wal: '{{ wal_now.begin_wal }}',
      spool: '{{ wal_spool }}',
    });
  });
});

describe('a way forward that was broken off', () => {
  it('before PostgreSQL was stopped is not taken for made: what is in force counts, not the file', async () => {
    await aimedAt(LATER);
    await using _ = await runs(EARLIER);
    expect(await forward()).toMatchObject({ status: 'changed', text: expect.stringContaining(LATER) });
  });

  it('after its start is made: nothing is left to do', async () => {
    await aimedAt(LATER);
    await using _ = await runs(LATER);
    expect((await forward()).status).toBe('ok');
  });

  it('between stop and start is gone on with: it is started again as it was, isolated', async () => {
    await aimedAt(LATER);
    await started();
    expect((await forward()).status).toBe('changed');
    const pid = at('main/postmaster.pid');
    await copyFile('/bin/sleep', at('postgres'));
    const start = `cd ${at('main')} && { ${at('postgres')} 60 >/dev/null 2>&1 & }`;
    const told = `cat >${pid} <<END\n${PID_FILE('$!')}\nEND`;
    await program('pg_ctl', `echo "$@" >>${at('said')}\n${start}\n${told}`);
    const { status, result } = await ground.play.run('postgres.forward', params());
    expect([status, result]).toEqual(['changed', { pid: expect.any(Number) }]);
    process.kill(Number(result.pid));
    expect(await readFile(at('said'), 'utf8')).toContain(
      "-o -c 'listen_addresses=' -c 'archive_command=' start",
    );
    expect(await readFile(at('main/postgresql.auto.conf'), 'utf8')).toContain(LATER);
  });

  describe('that stands stopped beyond where its target lies', () => {
    const aim = (target: Readonly<Record<string, unknown>>) => {
      const wish = { ...params(), target, ways: ['Take it back: pitr play rollback.yml'] };
      return ground.play.check(['postgres.forward', wish]);
    };

    it.each([
      ['the archived WAL says', { time: LATER, stops_at: '0/5000040' }],
      ['the target itself says', { lsn: '0/5000040', inclusive: false }],
    ])('is not started again: PostgreSQL could not stop there, as %s', async (_, target) => {
      const stop =
        'lsn' in target
          ? { recovery_target_lsn: '0/5000040', recovery_target_inclusive: 'off' }
          : { recovery_target_time: LATER };
      await aimedWith(stop);
      await started();
      expect(await errorOf(aim(target))).toMatchObject({
        code: 'target-behind',
        details: expect.arrayContaining(['Its data is whole only from 0/50000A0 on']),
        state: 'nothing was changed; the instance is as it was',
        next: ['Take it back: pitr play rollback.yml'],
      });
    });

    it.each([
      ['at its own stop', { time: LATER, stops_at: '0/50000A0' }, { recovery_target_time: LATER }],
      ['before its stop', { time: LATER, stops_at: '0/5000100' }, { recovery_target_time: LATER }],
      // It stops behind the record that begins there, and nobody has said where that one ends.
      ['perhaps at its own stop', { lsn: '0/5000040' }, { recovery_target_lsn: '0/5000040' }],
    ])('goes on where it stands %s', async (_, target, stop) => {
      await aimedWith(stop);
      await started();
      const [outcome] = await aim(target);
      expect(outcome?.status).toBe('changed');
    });
  });

  it('is not gone on with where the data has become something else since it was looked at', async () => {
    await aimedAt(LATER);
    await started();
    const before = await readFile(at('main/postgresql.auto.conf'), 'utf8');
    // Whoever looks at the control file for the first time takes the signal file away behind it.
    const control = await readFile(at('bin/pg_controldata'), 'utf8');
    await program('pg_controldata', `${control}\nrm -f ${at('main/standby.signal')}`);
    await program('pg_ctl', `echo "$@" >>${at('said')}`);
    expect(await errorOf(ground.play.run('postgres.forward', params()))).toMatchObject({
      code: 'nothing-waits',
    });
    expect(await readFile(at('main/postgresql.auto.conf'), 'utf8')).toBe(before);
    await expect(readFile(at('said'))).rejects.toThrow('ENOENT');
  });

  it('is not what a recovery is that stands stopped with another stop: the run that began it is', async () => {
    await started();
    expect(await errorOf(forward())).toMatchObject({
      code: 'nothing-waits',
      details: [
        'no PostgreSQL runs there',
        `its postgresql.auto.conf says: recovery_target_time = ${EARLIER}`,
      ],
      next: [expect.stringContaining('pitr resume'), expect.stringContaining('replay.yml')],
    });
  });

  it.each<[string, () => Promise<void>]>([
    ['has never been started', async () => {}],
    ['was started open to clients meanwhile', () => started('*')],
    [
      'has lost its signal file',
      async () => {
        await started();
        await rm(at('main/standby.signal'));
      },
    ],
  ])('is nothing that is started again where the data %s', async (_, spoil) => {
    await aimedAt(LATER);
    await spoil();
    expect((await errorOf(forward())).code).toBe('nothing-waits');
  });

  it.each([
    [true, 'waits isolated', { running: true, mode: 'isolated', stopped_isolated: false }],
    [true, 'was isolated when it was stopped', { running: false, mode: 'open', stopped_isolated: true }],
    [false, 'was prepared and never started', { running: false, mode: 'open', stopped_isolated: false }],
    [false, 'serves', { running: true, mode: 'open', stopped_isolated: false }],
  ])('forward.yml goes on: %s, where it %s', async (goesOn, _, waiting) => {
    const assert = (await tasksOfForward()).find(({ args }) => args.value.refuse === 'nothing-waits');
    const played = play(`- hosts: one
  vars: ${JSON.stringify({ waiting })}
  tasks: [{ core.assert: ${JSON.stringify({ that: assert?.args.value.that, refuse: 'nothing-waits' })} }]
`);
    const code = await played.then(
      ({ outcome }) => outcome.error?.code,
      (thrown: unknown) => asPitrError(thrown).code,
    );
    expect(code).toBe(goesOn ? undefined : 'nothing-waits');
  });

  it('is known by what postgres.instance tells of it', async () => {
    const { pgdata, bin, user } = params();
    const told = async () =>
      (await ground.play.run('postgres.instance', { pgdata, bin, user })).result.stopped_isolated;
    expect(await told()).toBe(false);
    await started();
    expect(await told()).toBe(true);
    await using _ = await runs();
    expect(await told()).toBe(false);
  });
});
