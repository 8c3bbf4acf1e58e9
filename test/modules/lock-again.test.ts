import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Change } from '../../lib/contract/module.ts';
import { HeldLocks } from '../../lib/engine/run/held-locks.ts';
import { module } from '../../lib/modules/core/lock.ts';
import { errorOf } from '../support/errors.ts';
import { localPlayground } from './playground.ts';

const RUN = 'r2';
const claimOf = (run: string) => ({
  ...{
    run,
    about: [],
    owner: 'a@b',
    purpose: 'p',
    started: '',
    state: 'unfinished',
    ended: 'failed',
    ways: [],
  },
});

/** A lock on this machine, and the change of a run that took it over from what `replaced` says. */
async function lock(more: object) {
  const ground = await localPlayground();
  const { play, dir } = ground;
  const directory = join(dir, 'locks');
  await mkdir(directory, { mode: 0o700 });
  const file = join(directory, 'shop.json');
  const change = {
    ...{ summary: 's', name: 'shop', user: userInfo().username, directory, leaseSeconds: 15, keep: false },
    ...{ run: RUN, purpose: 'p', ways: [], allow: [], ...more },
  };
  type Given = Parameters<typeof module.apply>[1] & Change;
  const held = new HeldLocks();
  const context = {
    ...{ runId: RUN, operator: 'a@b', signal: new AbortController().signal },
    ...{ progress: () => {}, output: () => {}, warn: () => {}, hold: held.hold, held: held.held },
  };
  return {
    lies: (run: string) => writeFile(file, JSON.stringify(claimOf(run)), { mode: 0o600 }),
    claim: () => readFile(file, 'utf8').then(JSON.parse, () => undefined),
    again: async () => module.again?.(play.host(), change as Given, context),
    undo: async () => {
      if (typeof module.undo === 'function') await module.undo(play.host(), change as Given, context);
    },
    release: () => held.release('ok'),
    [Symbol.asyncDispose]: async () => {
      await held.release('ok');
      await ground[Symbol.asyncDispose]();
    },
  };
}

const BROKE = { breaks: 'r1', replaced: claimOf('r1') };

it('a claim that a run once broke is not broken again by its undo or its commit', async () => {
  await using one = await lock(BROKE);
  await one.lies('r1');
  expect(await errorOf(one.again())).toMatchObject({ kind: 'refused', code: 'run-unfinished' });
  expect(await one.claim()).toEqual(claimOf('r1'));
});

it('is not about a run whose claim it broke, when it takes its own again', async () => {
  await using one = await lock(BROKE);
  await one.lies(RUN);
  await one.again();
  expect(await one.claim()).toMatchObject({ run: RUN, about: [], state: 'working' });
});

it('its undo puts the claim back that was there when its own is what it finds', async () => {
  await using one = await lock(BROKE);
  await one.lies(RUN);
  await one.again();
  await one.undo();
  await one.release();
  expect(await one.claim()).toEqual(claimOf('r1'));
});

it('its undo does not put back a claim that it broke, where its own is gone: what it broke may be settled', async () => {
  await using one = await lock(BROKE);
  await one.again();
  await one.undo();
  await one.release();
  expect(await one.claim()).toBeUndefined();
});

// Nobody else has gone on with it: rollback.yml ends well and leaves no claim, and its undo brings the recovery back.
it('its undo puts back the claim that it took over, where its own is gone after a good end', async () => {
  await using one = await lock({ allow: ['r1'], replaced: claimOf('r1') });
  await one.again();
  await one.undo();
  await one.release();
  expect(await one.claim()).toEqual(claimOf('r1'));
});
