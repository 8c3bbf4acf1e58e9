import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OwnContainer, ownContainer, sweepContainers, TRAPPED } from './own-container.ts';
import { Playground } from './playground.ts';

let here: OwnContainer;
let there: OwnContainer;
let play: Playground;

beforeAll(async () => {
  await sweepContainers();
  [here, there] = await Promise.all([ownContainer(), ownContainer()]);
  play = new Playground({
    here: { kind: 'docker', container: here.name },
    there: { kind: 'docker', container: there.name },
  });
  // supervisord is up when it answers.
  await play.run('core.wait_for', { check: 'supervisorctl avail', timeout: 30, interval: '200 ms' });
});

afterAll(async () => {
  await play?.close();
  await here?.[Symbol.asyncDispose]();
  await there?.[Symbol.asyncDispose]();
});

const sh = async (script: string, host = 'here'): Promise<string> =>
  (await play.host(host).must(['sh', '-c', script])).stdout.trim();

describe('owners', () => {
  it('are set for new files, kept for old ones, and put back', async () => {
    await sh(
      'mkdir -p /srv/o && touch /srv/o/old && chown barman:barman /srv/o/old && chmod 0640 /srv/o/old',
    );
    await play.run('fs.copy', {
      content: 'x',
      dest: '/srv/o/new',
      owner: 'postgres',
      group: 'postgres',
      mode: '0600',
    });
    expect(await sh('stat -c "%U:%G %a" /srv/o/new')).toBe('postgres:postgres 600');
    await play.run('fs.copy', { content: 'x', dest: '/srv/o/old' });
    expect(await sh('stat -c "%U:%G %a" /srv/o/old')).toBe('barman:barman 640');
    await play.run('fs.file', { path: '/srv/o/old', owner: 'postgres' });
    expect(await sh('stat -c "%U:%G" /srv/o/old')).toBe('postgres:barman');
    await play.undo();
    await play.undo();
    expect(await sh('stat -c "%U:%G %a %s" /srv/o/old')).toBe('barman:barman 640 0');
  });

  it('by number are the same as by name', async () => {
    const [uid, gid] = (await sh('id -u postgres; id -g postgres')).split('\n');
    expect((await play.run('fs.file', { path: '/srv/o/new', owner: uid, group: gid })).status).toBe('ok');
    expect((await play.run('fs.file', { path: '/srv/o/new', owner: '4242' })).status).toBe('changed');
    expect(await sh('stat -c %u /srv/o/new')).toBe('4242');
    expect((await play.run('fs.file', { path: '/srv/o/new', owner: '4242' })).status).toBe('ok');
    await play.undo();
    expect(await sh('stat -c %U /srv/o/new')).toBe('postgres');
  });

  it('that nobody is are refused before anything is changed, in check mode too', async () => {
    const task = { content: 'x', dest: '/srv/o/nobody', owner: 'no-such-user' };
    const facts = { code: 'user-unknown', message: 'there is no user "no-such-user" on the host' };
    await expect(play.check(['fs.copy', task])).rejects.toMatchObject(facts);
    await expect(play.run('fs.copy', task)).rejects.toMatchObject(facts);
    await expect(
      play.run('fs.directory', { path: '/srv/o/d', group: 'no-such-group' }),
    ).rejects.toMatchObject({
      code: 'group-unknown',
    });
    expect(await sh('ls /srv/o')).toBe('new\nold');
  });

  it('cannot be given away by somebody who is not root, and it is said so', async () => {
    await sh('install -d -o postgres -g postgres /srv/pg');
    const mine = await play.run('fs.copy', { content: 'x', dest: '/srv/pg/mine' }, 'here', 'postgres');
    expect(mine.result).toMatchObject({ owner: 'postgres', group: 'postgres', mode: '0644' });
    await expect(
      play.run('fs.copy', { content: 'x', dest: '/srv/pg/theirs', owner: 'barman' }, 'here', 'postgres'),
    ).rejects.toMatchObject({
      code: 'owner-not-permitted',
      message: expect.stringContaining('works as postgres'),
    });
    await expect(play.run('fs.stat', '/root/.ssh/x', 'here', 'postgres')).rejects.toMatchObject({
      code: 'path-unreadable',
    });
  });

  it('of a whole tree are set where they differ, set-id bits kept, and put back', async () => {
    await sh(
      'mkdir -p /srv/t/sub && touch /srv/t/a /srv/t/sub/b && chmod 4755 /srv/t/a && chown barman /srv/t/sub/b',
    );
    const task = { path: '/srv/t', owner: 'postgres', group: 'postgres', recurse: true };
    expect((await play.run('fs.file', task)).result).toMatchObject({ changed_paths: 4 });
    expect(await sh('stat -c "%U:%G %a" /srv/t/a /srv/t/sub/b')).toBe(
      'postgres:postgres 4755\npostgres:postgres 644',
    );
    expect((await play.run('fs.file', task)).status).toBe('ok');
    await play.undo();
    expect(await sh('stat -c "%U:%G" /srv/t/a /srv/t/sub/b')).toBe('root:root\nbarman:root');
  });
});

describe('fs.tree', () => {
  it('brings a directory from another host with its owners, and removes it again', async () => {
    await sh(
      'mkdir -p /srv/wal && head -c 3000000 /dev/urandom >/srv/wal/a && chown -R barman /srv/wal && chmod 0700 /srv/wal',
      'there',
    );
    const task = { src: '/srv/wal', from: 'there', dest: '/srv/copy' };
    const [foreseen] = await play.check(['fs.tree', task]);
    expect(foreseen?.status).toBe('changed');
    const outcome = await play.run('fs.tree', task);
    expect(outcome.status).toBe('changed');
    expect(await sh('sha256sum </srv/copy/a; stat -c "%U %a" /srv/copy /srv/copy/a')).toBe(
      await sh('sha256sum </srv/wal/a; stat -c "%U %a" /srv/wal /srv/wal/a', 'there'),
    );
    expect((await play.run('fs.tree', task)).status).toBe('ok');
    await play.undo();
    expect(await sh('ls -A /srv | grep -e copy || true')).toBe('');
  });
});

describe('service.state under supervisor', () => {
  const napper = { name: 'napper', manager: 'supervisor', timeout: 30 };

  it('starts once, proves it, restarts as another process, stops once', async () => {
    const started = await play.run('service.state', { ...napper, state: 'started' });
    expect(started).toMatchObject({
      status: 'changed',
      result: { state: 'running', before: 'stopped', pid: expect.any(Number) },
    });
    expect((await play.run('service.state', { ...napper, state: 'started' })).status).toBe('ok');
    const restarted = await play.run('service.state', { ...napper, state: 'restarted' });
    expect(restarted.result.pid).not.toBe(started.result.pid);
    expect((await play.run('service.state', { ...napper, state: 'stopped' })).status).toBe('changed');
    expect(await play.run('service.state', { ...napper, state: 'stopped' })).toMatchObject({
      status: 'ok',
      result: { state: 'stopped' },
    });
  });

  it('is taken back to what it was, and twice is as good as once', async () => {
    await play.run('service.state', { ...napper, state: 'started' });
    const entry = play.journal.pop();
    if (entry === undefined) throw new Error('no change was journalled');
    await play.undoEntry(entry);
    await play.undoEntry(entry);
    expect((await play.run('service.state', { ...napper, state: 'stopped' })).status).toBe('ok');
  });

  it('refuses a service that is not known, in check mode too', async () => {
    const task = { ...napper, name: 'nappper', state: 'stopped' };
    await expect(play.check(['service.state', task])).rejects.toMatchObject({
      kind: 'refused',
      code: 'service-unknown',
    });
    await expect(play.run('service.state', task)).rejects.toMatchObject({
      kind: 'refused',
      code: 'service-unknown',
    });
  });

  it('says that a service did not start, with the words of its manager', async () => {
    await expect(
      play.run('service.state', { ...napper, name: 'dier', state: 'started' }),
    ).rejects.toMatchObject({
      code: 'service-start-failed',
      message: expect.stringMatching(/^dier did not start; supervisor says: (FATAL|BACKOFF)/),
      next: expect.arrayContaining(['supervisorctl tail dier']),
    });
  });

  it('gives up on a service that does not stop, and says what it last saw', async () => {
    await play.run('service.state', { ...napper, name: 'stubborn', state: 'started' });
    await play.run('core.wait_for', { path: TRAPPED, timeout: 60, interval: '100 ms' });
    await expect(
      play.run('service.state', { ...napper, name: 'stubborn', state: 'stopped', timeout: '10 s' }),
    ).rejects.toMatchObject({ code: 'deadline-passed', message: expect.stringContaining('STOPPING') });
  });

  it('is foreseen by later tasks in check mode', async () => {
    const foreseen = await play.check(
      ['service.state', { ...napper, state: 'started' }],
      ['service.state', { ...napper, state: 'started' }],
      ['service.state', { ...napper, state: 'stopped' }],
      ['service.state', { ...napper, state: 'stopped' }],
    );
    expect(foreseen.map(({ status }) => status)).toEqual(['changed', 'ok', 'changed', 'ok']);
    expect(await sh('supervisorctl status napper || true')).toMatch(/STOPPED/);
  });

  it('tells a manager that is not there from a service that is down', async () => {
    await expect(
      play.run('service.state', { name: 'napper', manager: 'systemd', state: 'stopped' }),
    ).rejects.toMatchObject({
      code: 'service-manager-silent',
    });
  });
});

describe('core.facts', () => {
  it('knows the system of the lab', async () => {
    const { result } = await play.run('core.facts', {});
    expect(result).toMatchObject({
      os: { id: 'debian', version: '12', codename: 'bookworm' },
      users: { postgres: { home: '/var/lib/postgresql' } },
      hostname: { name: expect.any(String) },
    });
  });
});
