import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sweepContainers } from '../modules/own-container.ts';
import { claimAt, eventually, holders, isHeld, newSite, type PitrProcess, type Site } from './site.ts';

beforeAll(sweepContainers);

describe.each(['docker', 'ssh'] as const)('core.lock over %s', (transport) => {
  let site: Site;

  beforeAll(async () => {
    site = await newSite(transport);
  });

  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  const work = (name: string): string => join(site.directory, 'work', name);
  const go = (): Promise<void> => writeFile(work('go'), '');
  const content = (name: string): Promise<string> => readFile(work(name), 'utf8').catch(() => '');

  async function fresh(): Promise<void> {
    await site.exec(`rm -rf '${site.place}'`);
    for (const name of ['go', 'one', 'two']) await rm(work(name), { force: true });
  }

  /** A run that holds the lock, has made its first change and works on until `go`. */
  async function atWork(
    machine = 'alpha',
    ...more: readonly string[]
  ): Promise<PitrProcess & { runId: string }> {
    const before = await content('one');
    const started = site.pitr(machine, 'play', '-e', 'wait=true', ...more);
    await eventually('the run to be at work under the lock', async () => {
      if (started.child.exitCode !== null) throw new Error(JSON.stringify((await started.ended).error));
      return ((await content('one')) || before) !== before;
    });
    return { ...started, runId: await content('one') };
  }

  it('--check says that it would be taken, and writes nothing', async () => {
    await fresh();
    const check = await site.pitr('alpha', 'play', '--check').ended;
    expect(check.exitCode).toBe(0);
    const lock = check.events.find((event) => event.type === 'host.result' && event.task.name === 'lock');
    expect(lock).toMatchObject({ status: 'changed', summary: 'take the lock "the cluster"' });
    expect((await site.exec(`ls -a '${site.place}'`)).exitCode).not.toBe(0);
  });

  it('is held from its task to the end of the run, and leaves no claim and no process', async () => {
    await fresh();
    const run = await atWork();
    expect(await isHeld(site)).toBe(true);
    expect(await claimAt(site)).toMatchObject({
      run: run.runId,
      purpose: 'work as alpha',
      state: 'working',
      owner: expect.stringContaining('@'),
    });
    await go();
    expect((await run.ended).exitCode).toBe(0);
    expect(await isHeld(site)).toBe(false);
    expect(await claimAt(site)).toBeUndefined();
    expect(await holders(site)).toBe('');
  });

  it('refuses a second run, and tells who is at work and for what; --check says the same', async () => {
    await fresh();
    const run = await atWork();
    for (const more of [[], ['--check'], ['-e', `break_lock=${run.runId}`]]) {
      const second = await site.pitr('beta', 'play', ...more).ended;
      expect(second.exitCode).toBe(5);
      expect(second.error).toMatchObject({ kind: 'refused', code: 'locked' });
      expect(second.error?.message).toContain(`run ${run.runId} of `);
      expect(second.error?.details?.join('\n')).toContain('work as alpha');
    }
    await go();
    expect((await run.ended).exitCode).toBe(0);
    expect(await content('two')).toBe(run.runId);
  });

  it('is free within seconds after SIGKILL, and its claim keeps others out until the run is taken back', async () => {
    await fresh();
    const run = await atWork();
    run.child.kill('SIGKILL');
    await run.ended;
    await eventually('the kernel to free the lock', async () => !(await isHeld(site)), 10_000);
    await eventually('the holder to end', async () => (await holders(site)) === '', 10_000);

    const second = await site.pitr('beta', 'play').ended;
    expect(second.exitCode).toBe(5);
    expect(second.error).toMatchObject({ kind: 'refused', code: 'run-unfinished' });
    expect(second.error?.next?.join('\n')).toContain(`pitr undo ${run.runId}`);

    const undo = await site.pitr('alpha', 'undo', run.runId, '--yes').ended;
    expect(undo.exitCode).toBe(0);
    expect(await claimAt(site)).toBeUndefined();
    await go();
    expect((await site.pitr('beta', 'play').ended).exitCode).toBe(0);
  });

  it('is taken over by pitr resume of its own run, which then ends well', async () => {
    await fresh();
    const run = await atWork();
    run.child.kill('SIGKILL');
    await run.ended;
    await go();
    const resumed = await site.pitr('alpha', 'resume', run.runId, '--yes').ended;
    expect(resumed.error).toBeUndefined();
    expect(resumed.exitCode).toBe(0);
    expect(await content('two')).toBe(run.runId);
    expect(await claimAt(site)).toBeUndefined();
  });

  it('is broken on purpose only by the exact run', async () => {
    await fresh();
    const run = await atWork();
    run.child.kill('SIGKILL');
    await run.ended;
    await go();
    const wrong = await site.pitr('beta', 'play', '-e', 'break_lock=20200101T000000-0000').ended;
    expect(wrong.error).toMatchObject({ kind: 'refused', code: 'break-wrong-run' });
    const right = await site.pitr('beta', 'play', '-e', `break_lock=${run.runId}`).ended;
    expect(right.exitCode).toBe(0);
    expect(await claimAt(site)).toBeUndefined();
    // its undo is not kept out by what is settled, and is its own business again
    expect((await site.pitr('alpha', 'undo', run.runId, '--check').ended).exitCode).toBe(0);
  });

  it('is taken over by a run that is about the leftovers; its undo gives the claim back', async () => {
    await fresh();
    const first = await site.pitr('alpha', 'play', '-e', 'stumble=late').ended;
    expect(await claimAt(site)).toMatchObject({ run: first.runId, state: 'unfinished', ended: 'failed' });

    const second = await site.pitr('beta', 'play', '-e', `about=${first.runId}`, '-e', 'stumble=late').ended;
    expect(await claimAt(site)).toMatchObject({ run: second.runId, about: [first.runId] });
    // not by the undo of the run that it is about: newest first, across runs too
    const early = await site.pitr('alpha', 'undo', first.runId, '--yes').ended;
    expect(early.error).toMatchObject({ kind: 'refused', code: 'run-unfinished' });

    expect((await site.pitr('beta', 'undo', second.runId, '--yes').ended).exitCode).toBe(0);
    expect(await claimAt(site)).toMatchObject({ run: first.runId, state: 'unfinished' });
    expect((await site.pitr('alpha', 'undo', first.runId, '--yes').ended).exitCode).toBe(0);
    expect(await claimAt(site)).toBeUndefined();
  });

  it('leaves no claim where nothing was begun, and a waiting one where something is to be decided', async () => {
    await fresh();
    await site.pitr('alpha', 'play', '-e', 'stumble=early').ended;
    expect(await claimAt(site)).toBeUndefined();

    const kept = await site.pitr('alpha', 'play', '-e', 'keep=true').ended;
    expect(kept.exitCode).toBe(0);
    expect(await claimAt(site)).toMatchObject({ run: kept.runId, state: 'waiting' });
    const second = await site.pitr('beta', 'play').ended;
    expect(second.error).toMatchObject({ kind: 'refused', code: 'recovery-waiting' });
    const about = await site.pitr('beta', 'play', '-e', `about=${kept.runId}`).ended;
    expect(about.exitCode).toBe(0);
    expect(await claimAt(site)).toBeUndefined();
  });

  it('says of a run that was interrupted that it was', async () => {
    await fresh();
    const run = await atWork();
    run.child.kill('SIGINT');
    expect((await run.ended).exitCode).toBe(130);
    expect(await claimAt(site)).toMatchObject({ state: 'unfinished', ended: 'interrupted' });
    expect(await holders(site)).toBe('');
  });

  it('stops a run that slept beyond its lease before its next change', async () => {
    await fresh();
    const run = await atWork();
    run.child.kill('SIGSTOP');
    await eventually('the lock to free itself', async () => !(await isHeld(site)));
    await go();
    run.child.kill('SIGCONT');
    const { exitCode, error } = await run.ended;
    expect({ exitCode, code: error?.code }).toEqual({ exitCode: 2, code: 'lock-lost' });
    expect(await content('two')).toBe('');
    expect(await claimAt(site)).toMatchObject({ run: run.runId });
  });

  it('a nap within the lease costs nothing', async () => {
    await fresh();
    const run = await atWork();
    run.child.kill('SIGSTOP');
    // The nap itself is what is tried: shorter than the lease, which is 5 s here.
    await pause(2_000);
    run.child.kill('SIGCONT');
    await go();
    expect((await run.ended).exitCode).toBe(0);
  });

  it('stops a run whose network is cut, and frees itself on the other side', async () => {
    await fresh();
    const run = await atWork();
    await site.cut();
    const { exitCode, error } = await run.ended.finally(site.mend);
    expect({ exitCode, code: error?.code }).toEqual({ exitCode: 2, code: 'lock-lost' });
    expect(await content('two')).toBe('');
    await eventually('the lock to free itself', async () => !(await isHeld(site)));
    expect(await claimAt(site)).toMatchObject({ run: run.runId });
    await go();
    expect((await site.pitr('alpha', 'undo', run.runId, '--yes').ended).exitCode).toBe(0);
  });

  it('is not kept in a directory that is open to others, or is a link', async () => {
    await fresh();
    await site.exec(`mkdir -m 0755 '${site.place}' && chown --reference='${site.place}/..' '${site.place}'`);
    const open = await site.pitr('alpha', 'play').ended;
    expect(open.error).toMatchObject({ kind: 'failed', code: 'lock-place' });
    await site.exec(`mv '${site.place}' '${site.place}.real' && ln -s '${site.place}.real' '${site.place}'`);
    const linked = await site.pitr('alpha', 'play').ended;
    expect(linked.error?.message).toContain('is a symbolic link');
    await site.exec(`rm -rf '${site.place}' '${site.place}.real'`);
  });

  // Every round costs two processes; over ssh a few tell what twenty over docker have shown.
  const rounds = transport === 'docker' ? 20 : 5;

  it(`lets exactly one of two operators win, ${rounds} times of ${rounds}`, async () => {
    const wins: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      await fresh();
      const both = [
        site.pitr('alpha', 'play', '-e', 'wait=true'),
        site.pitr('beta', 'play', '-e', 'wait=true'),
      ];
      // The loser ends first: the winner works on until `go`.
      const loser = await Promise.race(both.map(({ ended }) => ended));
      expect(loser.error?.code).toBe('locked');
      await eventually('the winner to be at work', async () => (await content('one')) !== '');
      await go();
      const all = await Promise.all(both.map(({ ended }) => ended));
      wins.push(all.filter(({ exitCode }) => exitCode === 0).length);
    }
    expect(wins).toEqual(Array.from({ length: rounds }, () => 1));
  });

  it('is taken again by the undo of a run that ended well, and by nobody meanwhile', async () => {
    await fresh();
    const done = await site.pitr('alpha', 'play').ended;
    expect(done.exitCode).toBe(0);
    const run = await atWork('beta');
    const undo = await site.pitr('alpha', 'undo', done.runId, '--yes').ended;
    expect(undo.error).toMatchObject({ kind: 'refused', code: 'locked' });
    expect(await content('one')).toBe(run.runId);
    await go();
    expect((await run.ended).exitCode).toBe(0);
    expect((await site.pitr('beta', 'undo', run.runId, '--yes').ended).exitCode).toBe(0);
    expect((await site.pitr('alpha', 'undo', done.runId, '--yes').ended).exitCode).toBe(0);
    expect(await content('one')).toBe('');
    expect(await claimAt(site)).toBeUndefined();
  });
});
