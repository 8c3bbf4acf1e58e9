import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { freePort } from '../../lab/free-port.ts';
import { Unknown } from '../../lib/base/values/unknown.ts';
import { silentPort } from '../support/silent-port.ts';
import { localPlayground } from './playground.ts';

describe('core.command', () => {
  it('runs words, not a shell, and gives what came out', async () => {
    await using ground = await localPlayground();
    const { play } = ground;
    const outcome = await play.run('core.command', `printf '%s\\n' $HOME '*' "a b"`);
    expect(outcome).toMatchObject({
      status: 'changed',
      result: {
        rc: 0,
        stdout: '$HOME\n*\na b',
        stdout_lines: ['$HOME', '*', 'a b'],
        stderr: '',
        stderr_lines: [],
      },
    });
    expect(play.output.join('')).toBe('$HOME\n*\na b\n');
  });

  it('fails with its stderr, and its result stays at hand for failed_when', async () => {
    await using ground = await localPlayground();
    await expect(
      ground.play.run('core.command', { argv: ['sh', '-c', 'echo some; echo "no space left" >&2; exit 3'] }),
    ).rejects.toMatchObject({
      kind: 'failed',
      code: 'command-failed',
      evidence: { exitCode: 3, stderr: 'no space left' },
      result: { rc: 3, stdout: 'some', stderr: 'no space left' },
    });
  });

  it('ends a command that takes too long', async () => {
    await using ground = await localPlayground();
    await expect(
      ground.play.run('core.command', { cmd: 'sleep 60', timeout: '300 ms' }),
    ).rejects.toMatchObject({
      code: 'command-timed-out',
      evidence: { timedOut: true },
    });
    expect((await ground.play.run('core.command', { cmd: 'sleep 0.1', timeout: '1000 h' })).status).toBe(
      'changed',
    );
  });

  it('gives stdin, and runs in the directory asked for', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await play.run('core.command', { cmd: 'tee written', chdir: dir, stdin: "it's\n$x" });
    expect(await readFile(join(dir, 'written'), 'utf8')).toBe("it's\n$x");
    await expect(play.run('core.command', { cmd: 'true', chdir: join(dir, 'no') })).rejects.toMatchObject({
      kind: 'failed',
    });
  });

  it('is not run when creates, removes or check say that it is not needed', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'made');
    const make = { cmd: `touch ${path}`, creates: path };
    expect((await play.run('core.command', make)).status).toBe('changed');
    expect(await play.run('core.command', make)).toMatchObject({
      status: 'ok',
      result: { rc: 0, why: `${path} exists` },
    });
    const remove = { cmd: `rm ${path}`, removes: path };
    expect((await play.run('core.command', remove)).status).toBe('changed');
    expect((await play.run('core.command', remove)).status).toBe('ok');
    const checked = { cmd: `touch ${path}`, check: `test -e ${path}` };
    expect((await play.run('core.command', checked)).status).toBe('changed');
    expect((await play.run('core.command', checked)).status).toBe('ok');
  });

  it('fails when its check cannot be run, instead of taking that for "needed"', async () => {
    await using ground = await localPlayground();
    await expect(
      ground.play.run('core.command', { cmd: 'true', check: 'no-such-command-here' }),
    ).rejects.toMatchObject({
      code: 'check-not-run',
    });
  });

  it('runs only its check in check mode, and its result is unknown', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'made');
    const [first, second, third] = await play.check(
      ['core.command', { cmd: `touch ${path}`, check: `test -e ${path}` }],
      ['core.command', { cmd: `touch ${path}`, creates: path }],
      ['fs.stat', { path }],
    );
    expect(await readdir(dir)).toEqual([]);
    expect(first?.status).toBe('changed');
    expect(first?.result.rc).toBeInstanceOf(Unknown);
    expect(second?.status).toBe('changed');
    expect(third?.result.exists).toBeInstanceOf(Unknown);
  });

  it('is taken back by the command given, and says so beforehand where there is none', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await play.run('core.command', { cmd: 'mkdir made', undo: 'rmdir made', chdir: dir });
    expect(play.journal[0]?.undoable).toBe(true);
    await play.undo();
    expect(await readdir(dir)).toEqual([]);
    await play.run('core.command', { cmd: 'true' });
    expect(play.journal[0]?.undoable).toMatch(/no "undo"/);
  });
});

describe('core.shell', () => {
  it('runs a script with pipes and variables, and a script that only looks first', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const outcome = await play.run('core.shell', 'x=3; seq 1 $x | tail -n 1');
    expect(outcome.result.stdout).toBe('3');
    const task = { script: 'echo line >> log', check: 'grep -q line log', chdir: dir, undo: 'rm log' };
    expect((await play.run('core.shell', task)).status).toBe('changed');
    expect((await play.run('core.shell', task)).status).toBe('ok');
    await play.undo();
    expect(await readdir(dir)).toEqual([]);
  });
});

describe('core.assert', () => {
  const condition = (source: string, value: boolean | Unknown) => ({ source, value });

  it('says what is not true, or what the author wants said', async () => {
    await using ground = await localPlayground();
    const { play } = ground;
    const that = [condition('1 == 1', true), condition('a == b', false), condition('c', false)];
    await expect(play.run('core.assert', { that })).rejects.toMatchObject({
      kind: 'failed',
      code: 'assertion-failed',
      message: 'not true: a == b',
      details: ['not true: c'],
    });
    await expect(
      play.run('core.assert', {
        that,
        fail_msg: 'db9 is not known',
        refuse: 'target-unknown',
        details: 'db1, db2',
        next: ['pitr inventory'],
      }),
    ).rejects.toMatchObject({
      kind: 'refused',
      code: 'target-unknown',
      message: 'db9 is not known',
      details: ['db1, db2', 'not true: a == b', 'not true: c'],
      next: ['pitr inventory'],
    });
    expect((await play.run('core.assert', { that: [condition('1 == 1', true)] })).result).toMatchObject({
      unknown: [],
    });
  });

  it('is neither true nor false on what check mode cannot know: it says so and goes on', async () => {
    await using ground = await localPlayground();
    const { play } = ground;
    const outcome = await play.run('core.assert', {
      that: [condition('r.rc == 0', new Unknown('result of "x"'))],
    });
    expect(outcome.result).toEqual({ unknown: ['r.rc == 0'] });
    expect(play.warnings).toHaveLength(1);
  });
});

describe('core.fail, debug, set_fact, confirm', () => {
  it('fails with the code, lists and kind given', async () => {
    await using ground = await localPlayground();
    await expect(
      ground.play.run('core.fail', {
        msg: 'no',
        code: 'target-unknown',
        details: ['db1', 'db2'],
        next: 'pitr inventory',
        refuse: true,
      }),
    ).rejects.toMatchObject({
      kind: 'refused',
      code: 'target-unknown',
      message: 'no',
      details: ['db1', 'db2'],
      next: ['pitr inventory'],
    });
  });

  it('shows messages and values, the unknown as such', async () => {
    await using ground = await localPlayground();
    const { play } = ground;
    expect((await play.run('core.debug', 'hello')).result).toEqual({ msg: 'hello' });
    expect((await play.run('core.debug', { msg: ['a', 1] })).result).toEqual({ msg: ['a', '1'] });
    expect((await play.run('core.debug', { var: { source: 'a.b', value: { n: 1 } } })).result).toEqual({
      msg: 'a.b: {\n  "n": 1\n}',
      value: { n: 1 },
    });
    expect((await play.run('core.debug', { msg: new Unknown('the leader') })).result.msg).toMatch(
      /unknown until the run/,
    );
  });

  it('sets any variable, and refuses what no variable can be called', async () => {
    await using ground = await localPlayground();
    const { play } = ground;
    expect((await play.run('core.set_fact', { a: 1, b_2: ['x'] })).result).toEqual({
      facts: { a: 1, b_2: ['x'] },
    });
    await expect(play.run('core.set_fact', { 'a-b': 1 })).rejects.toThrow();
  });

  it('asks, stops at no, and asks nobody in check mode', async () => {
    await using ground = await localPlayground();
    const { play } = ground;
    expect((await play.run('core.confirm', { text: 'Go on?', details: 'one\ntwo' })).result).toEqual({
      confirmed: true,
    });
    expect(play.questions).toMatchObject([{ text: 'Go on?', details: ['one', 'two'] }]);
    play.answer = false;
    await expect(play.run('core.confirm', 'Go on?')).rejects.toMatchObject({
      kind: 'interrupted',
      code: 'declined',
    });
    await expect(
      play.run('core.confirm', { text: 'Go on?', next: 'pitr resume <run> -e wanted=false' }),
    ).rejects.toMatchObject({ code: 'declined', next: ['pitr resume <run> -e wanted=false'] });
    const [outcome] = await play.check(['core.confirm', { text: 'Go on?' }]);
    expect(outcome?.result.confirmed).toBeInstanceOf(Unknown);
    expect(play.questions).toHaveLength(3);
  });
});

describe('core.wait_for', () => {
  it('waits for a port to open, and to close', async () => {
    await using ground = await localPlayground();
    const { play } = ground;
    const server = createServer((socket) => socket.destroy());
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    expect((await play.run('core.wait_for', { port, timeout: 20 })).result).toMatchObject({
      last_seen: 'open',
      attempts: 1,
    });
    await new Promise((resolve) => server.close(resolve));
    await expect(
      play.run('core.wait_for', { port, timeout: '500 ms', interval: '100 ms' }),
    ).rejects.toMatchObject({
      code: 'deadline-passed',
      message: expect.stringMatching(/^waited 500 ms for port \d+ of 127\.0\.0\.1 to be open; last seen: /),
    });
    expect((await play.run('core.wait_for', { port, state: 'absent', timeout: 20 })).status).toBe('ok');
  });

  it('does not take a port that nobody answers on for closed', async () => {
    await using ground = await localPlayground();
    await using silent = await silentPort();
    await expect(
      ground.play.run('core.wait_for', { port: silent.port, state: 'absent', timeout: '500 ms' }),
    ).rejects.toMatchObject({
      code: 'deadline-passed',
      message: expect.stringMatching(/to be closed; last seen: no answer$/),
    });
  });

  it('waits for a path to come, and tells meanwhile what it sees', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'ready');
    const waiting = play.run('core.wait_for', { path, timeout: 30, interval: '50 ms' });
    await vi.waitFor(() => expect(play.progress[0]).toMatch(/ready to be there: absent/), 15_000);
    await mkdir(path);
    expect((await waiting).result).toMatchObject({ last_seen: 'directory' });
    await rm(path, { recursive: true });
    expect((await play.run('core.wait_for', { path, state: 'absent' })).status).toBe('ok');
  });

  it('waits for a command to say yes, and says at the deadline what it said last', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await writeFile(join(dir, 'f'), 'x');
    expect((await play.run('core.wait_for', { check: `test -e ${join(dir, 'f')}` })).result).toMatchObject({
      attempts: 1,
    });
    await expect(
      play.run('core.wait_for', {
        check: ['sh', '-c', 'echo not yet >&2; exit 2'],
        timeout: '5 s',
        interval: '50 ms',
      }),
    ).rejects.toMatchObject({ message: expect.stringMatching(/last seen: exited with 2: not yet/) });
    await expect(play.run('core.wait_for', { check: 'no-such-command-here' })).rejects.toMatchObject({
      code: 'check-not-run',
    });
  });

  it('does not take a command that was killed for one that says no', async () => {
    await using ground = await localPlayground();
    await expect(
      ground.play.run('core.wait_for', {
        check: ['sh', '-c', 'kill -9 $$'],
        state: 'absent',
        // One look may take as long.
        timeout: '5 s',
        interval: '50 ms',
      }),
    ).rejects.toMatchObject({
      code: 'deadline-passed',
      message: expect.stringMatching(/last seen: was killed by /),
    });
  });

  it('ends when the operator stops the run', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    play.signal = AbortSignal.timeout(300);
    await expect(
      play.run('core.wait_for', { path: join(dir, 'never'), interval: '50 ms' }),
    ).rejects.toMatchObject({
      kind: 'interrupted',
    });
  });
});

describe('core.lock_free', () => {
  it('refuses where a run has left something, or tells so where that is what is asked', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const lock = { name: 'main', user: 'root', directory: join(dir, 'locks') };
    const tells = async () => (await play.run('core.lock_free', { ...lock, only_tell: true })).result;
    await mkdir(lock.directory, { mode: 0o700 });
    expect(await tells()).toEqual({ name: 'main', free: true, own: false, runs: [] });
    const claim = { run: 'r2', about: ['r1'], owner: 'a@b', state: 'waiting' };
    await writeFile(join(lock.directory, 'main.json'), JSON.stringify(claim), { mode: 0o600 });
    await expect(play.run('core.lock_free', lock)).rejects.toMatchObject({ code: 'recovery-waiting' });
    expect(await tells()).toEqual({
      name: 'main',
      free: false,
      own: false,
      runs: ['r2', 'r1'],
      why: expect.stringContaining('run r2 of a@b ended well'),
    });
    const own = { ...claim, run: play.runId, about: [] };
    await writeFile(join(lock.directory, 'main.json'), JSON.stringify(own), { mode: 0o600 });
    expect(await tells()).toMatchObject({ free: true, own: true });
  });

  it('tells nothing of a claim that it cannot read, and fails', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const lock = { name: 'main', user: 'root', directory: join(dir, 'locks'), only_tell: true };
    await mkdir(lock.directory, { mode: 0o700 });
    await writeFile(join(lock.directory, 'main.json'), 'no claim', { mode: 0o600 });
    await expect(play.run('core.lock_free', lock)).rejects.toMatchObject({ code: 'lock-place' });
  });
});

describe('core.facts and core.tools', () => {
  it('tells what was asked for, and nothing else', async () => {
    await using ground = await localPlayground();
    const { play } = ground;
    const { result } = await play.run('core.facts', { gather: ['kernel', 'cpu', 'memory', 'users', 'time'] });
    expect(Object.keys(result)).toEqual(['kernel', 'cpu', 'memory', 'users', 'time']);
    expect(result).toMatchObject({ kernel: { name: 'Linux' }, users: { root: { uid: 0, home: '/root' } } });
    expect(result.cpu).toMatchObject({ count: expect.any(Number) });
  });

  it('finds tools, and refuses missing ones with the package that has them', async () => {
    await using ground = await localPlayground();
    const { play } = ground;
    expect((await play.run('core.tools', { commands: ['sh', '/bin/sh', 'cd'] })).result).toMatchObject({
      paths: { '/bin/sh': '/bin/sh' },
    });
    await expect(
      play.run('core.tools', {
        commands: ['sh', '/opt/nope/barman-wal-restore', '/opt/nope/pg_controldata', 'frobnicate'],
      }),
    ).rejects.toMatchObject({
      kind: 'refused',
      code: 'tool-missing',
      message: '/opt/nope/barman-wal-restore, /opt/nope/pg_controldata, frobnicate are missing on here',
      next: [
        'apt-get install barman-cli postgresql',
        expect.stringContaining('link it into the PATH'),
        expect.stringContaining('frobnicate'),
      ],
    });
  });
});
