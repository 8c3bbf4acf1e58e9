import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { labRelease } from '../../lab/release.ts';
import { dataDirectory } from '../../lab/topology.ts';
import { Predictions } from '../../lib/engine/check/predictions.ts';
import { module as backup } from '../../lib/modules/barman/backup.ts';
import { module as createBackup } from '../../lib/modules/barman/create_backup.ts';
import { module as keep } from '../../lib/modules/barman/keep.ts';
import { module as recover } from '../../lib/modules/barman/recover.ts';
import { module as switchWal } from '../../lib/modules/barman/switch_wal.ts';
import { pathResource } from '../../lib/system/fs/path-resource.ts';
import { errorOf } from '../support/errors.ts';
import { ask, type BarmanLab, leaderOf, listening, openBarmanLab } from './barman-lab.ts';

let lab: BarmanLab;
let chosen: Awaited<ReturnType<typeof backup.read>>;
/** Which server the WAL comes from. */
let leader: string;

beforeAll(async () => {
  lab = await openBarmanLab();
  chosen = await ask(backup, lab.barman, { id: 'latest' });
  leader = await leaderOf(lab);
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

describe('barman.switch_wal', () => {
  it('proves that a segment of the leader is archived', async () => {
    const params = switchWal.params.parse({ server: leader });
    const { context } = listening();
    const state = await switchWal.read(lab.barman, params, context);
    const change = switchWal.plan(state, params);
    if (change === undefined) throw new Error('it always changes something');
    const { wal } = await switchWal.apply(lab.barman, change, params, context);
    expect(await lab.sh(`cd /var/lib/barman/${leader}/wals && ls ${wal.slice(0, 16)}/${wal}`)).toContain(wal);
  });

  it('fails for a standby, with which Barman itself ends well', async () => {
    const standby = ['db1', 'db2'].find((name) => name !== leader) ?? 'db2';
    const params = switchWal.params.parse({ server: standby, timeout: 1 });
    const { context } = listening();
    const change = switchWal.plan(await switchWal.read(lab.barman, params, context), params);
    if (change === undefined) throw new Error('it always changes something');
    const error = await errorOf(switchWal.apply(lab.barman, change, params, context));
    expect(error).toMatchObject({ kind: 'failed', code: 'wal-not-switched', evidence: { exitCode: 0 } });
  });
});

describe('barman.keep', () => {
  const barmanKeep = (words: string) => lab.sh(`barman keep ${words} ${chosen.server} ${chosen.id}`);
  const status = async () => /Keep: (\w+)/.exec(await barmanKeep('--status'))?.[1];
  const step = async (run: string, state: 'present' | 'absent') => {
    const params = keep.params.parse({ server: chosen.server, backup: chosen.id, state, run });
    const { context } = listening();
    const change = keep.plan(await keep.read(lab.barman, params, context), params);
    if (change !== undefined) await keep.apply(lab.barman, change, params, context);
    return change;
  };
  afterEach(async () => {
    await barmanKeep('--release');
  });

  it.each([
    ['nokeep', ''],
    ['standalone', '--target standalone'],
  ])('holds a backup in full, by how many runs ever, and leaves %s behind', async (before, words) => {
    if (words !== '') await barmanKeep(words);
    const first = await step('run-a', 'present');
    expect(await status()).toBe('full');
    expect(await step('run-a', 'present')).toBeUndefined();
    await step('run-b', 'present');
    await step('run-a', 'absent');
    expect(await status()).toBe('full');
    await step('run-b', 'absent');
    expect(await status()).toBe(before);

    if (first === undefined || typeof keep.undo !== 'function') throw new Error('it changes something');
    const { context } = listening();
    await keep.apply(lab.barman, first, keep.params.parse({ server: '', backup: '' }), context);
    expect(keep.effects?.(first)).toMatchObject([{ kind: 'backup', lasts: 'until commit' }]);
    await keep.undo(lab.barman, first, context);
    await keep.undo(lab.barman, first, context);
    expect(await status()).toBe(before);
  });

  it('leaves alone what somebody else keeps in full', async () => {
    await barmanKeep('--target full');
    expect(await step('run-a', 'present')).toBeUndefined();
    expect(await step('run-a', 'absent')).toBeUndefined();
    expect(await status()).toBe('full');
  });

  it('goes on where it was killed between its own note and that of Barman', async () => {
    const directory = `/var/lib/barman/${chosen.server}/base/${chosen.id}/annotations`;
    await lab.sh(`mkdir -p ${directory}; printf nokeep >${directory}/pitr.run-a`);
    await step('run-a', 'present');
    expect(await status()).toBe('full');
    await step('run-a', 'absent');
    expect(await status()).toBe('nokeep');
  });
});

describe('barman.create_backup', () => {
  it('takes one and proves it DONE; undo keeps it and says so', async () => {
    const params = createBackup.params.parse({ server: leader });
    const { context, warnings, output } = listening();
    const change = createBackup.plan(await createBackup.read(lab.barman, params, context), params);
    if (change === undefined) throw new Error('it always changes something');
    const made = await createBackup.apply(lab.barman, change, params, context);
    expect(made).toMatchObject({ server: leader, status: 'DONE', postgresql_major: labRelease.postgres });
    expect(output.join('')).toContain('Backup completed');
    expect((await ask(backup, lab.barman, { id: 'latest' })).id).toBe(made.id);
    if (typeof createBackup.undo === 'function') await createBackup.undo(lab.barman, change, context);
    expect(warnings.join()).toContain('is kept');
    expect((await ask(backup, lab.barman, { id: made.id })).id).toBe(made.id);
  });

  it('of a standby is refused before Barman waits for WAL that never comes', async () => {
    const standby = ['db1', 'db2'].find((name) => name !== leader) ?? 'db2';
    const params = createBackup.params.parse({ server: standby });
    const { context } = listening();
    const change = createBackup.plan(await createBackup.read(lab.barman, params, context), params);
    if (change === undefined) throw new Error('it always changes something');
    const error = await errorOf(createBackup.apply(lab.barman, change, params, context));
    expect(error).toMatchObject({ kind: 'refused', code: 'backup-of-standby' });
  });
});

describe('barman.recover', () => {
  const place = `${dataDirectory('db2')}.pitr-e2e`;
  const beside = `${place.replace(/[^/]*$/, '')}.${place.replace(/^.*\//, '')}.pitr-restore.json`;
  const parse = (more: Readonly<Record<string, unknown>> = {}) =>
    recover.params.parse({
      backup: chosen,
      node: 'db2',
      remote_ssh: 'ssh -q postgres@db2',
      destination: place,
      ...more,
    });
  const planned = async (params: ReturnType<typeof parse>, { context } = listening()) =>
    recover.plan(await recover.read(lab.barman, params, context), params);
  const present = async () =>
    (await lab.sh(`ls -d ${place} ${beside} 2>/dev/null || true`, 'db2', 'postgres')).trim().split('\n');
  const rsyncs = async () => {
    const look =
      'for f in /proc/[0-9]*/cmdline; do tr "\\0" " " <$f 2>/dev/null; echo; done | grep "rsync.*pitr-e2[e]" || true';
    return `${await lab.sh(look, 'db2', 'postgres')}${await lab.sh(look)}`.trim();
  };

  afterEach(async () => {
    await lab.sh(`rm -rf ${place} ${beside}`, 'db2', 'postgres');
  });

  it('copies a backup beside the live data and proves it; again is no change; undo removes it', async () => {
    const params = parse();
    const { context, progress } = listening();
    const change = await planned(params);
    expect(change).toMatchObject({ summary: `copy backup ${chosen.id} of ${chosen.server} to db2:${place}` });
    if (change === undefined) return;
    expect(JSON.parse(JSON.stringify(change))).toMatchObject({ destination: place, node: 'db2' });

    const result = await recover.apply(lab.barman, change, params, context);
    expect(result).toMatchObject({ destination: place, system_id: chosen.system_id, backup: chosen.id });
    expect(progress.join('\n')).toMatch(/copied to db2[\s\S]*proving/);
    expect(await lab.sh(`stat -c '%U %a' ${place}; cat ${place}/PG_VERSION`, 'db2', 'postgres')).toBe(
      `postgres 700\n${labRelease.postgres}\n`,
    );
    expect(await present()).toEqual([place]);

    expect(await planned(params)).toBeUndefined();

    if (typeof recover.undo !== 'function') throw new Error('it can be undone');
    await recover.undo(lab.barman, change, context);
    await recover.undo(lab.barman, change, context);
    expect(await present()).toEqual(['']);
  });

  it('in check mode is seen by later tasks, on the node that would receive it', async () => {
    const params = parse();
    const change = await planned(params);
    if (change === undefined) throw new Error('there is something to do');
    const state = await recover.read(lab.barman, params, listening().context);
    const predictions = new Predictions();
    for (const prediction of recover.predict?.(change, state, params).resources ?? [])
      predictions.add('barman', prediction);
    expect(predictions.foresee('db2', pathResource, place)).toMatchObject({
      state: { kind: 'directory', mode: 0o700, owner: 'postgres' },
    });
    expect(predictions.foresee('barman', pathResource, place)).toEqual({ liveAt: place });
  });

  it('never touches a directory that holds anything else', async () => {
    await lab.sh(`mkdir -m 700 ${place}; echo precious >${place}/file`, 'db2', 'postgres');
    const error = await errorOf(planned(parse()));
    expect(error).toMatchObject({ kind: 'refused', code: 'destination-foreign', host: 'db2' });
    expect(error.details[0]).toBe('In it: file');
    const live = await errorOf(planned(parse({ destination: dataDirectory('db2') })));
    expect(live).toMatchObject({ kind: 'refused', code: 'destination-in-use' });
  });

  it('undo leaves what is no longer the copy', async () => {
    const change = await planned(parse());
    if (change === undefined || typeof recover.undo !== 'function')
      throw new Error('there is something to do');
    await lab.sh(`mkdir -m 700 ${place}; echo precious >${place}/file`, 'db2', 'postgres');
    const error = await errorOf(recover.undo(lab.barman, change, listening().context));
    expect(error.code).toBe('destination-changed');
    expect(await lab.sh(`cat ${place}/file`, 'db2', 'postgres')).toBe('precious\n');
  });

  it('interrupted, leaves no rsync behind, and goes on when run again', async () => {
    const params = parse({ bandwidth_limit: 500 });
    const stop = new AbortController();
    const heard = listening(stop.signal);
    const change = await planned(params, heard);
    if (change === undefined) throw new Error('there is something to do');
    const context = {
      ...heard.context,
      progress: (text: string) => {
        if (/[1-9].* MiB of .* copied/.test(text)) stop.abort();
      },
    };
    const error = await errorOf(recover.apply(lab.barman, change, params, context));
    expect(error.kind).toBe('interrupted');
    expect(await rsyncs()).toBe('');
    expect(await present()).toEqual([place, beside].sort());

    const rest = await planned(parse());
    expect(rest).toMatchObject({ continues: true, summary: expect.stringContaining('go on copying') });
    if (rest === undefined) return;
    await recover.apply(lab.barman, rest, parse(), listening().context);
    expect(await planned(parse())).toBeUndefined();
    expect(await present()).toEqual([place]);
  });

  it('whose proof alone is missing is proved, and not copied again', async () => {
    const change = await planned(parse());
    if (change === undefined) throw new Error('there is something to do');
    await recover.apply(lab.barman, change, parse(), listening().context);
    await lab.sh(
      `mv ${place}/.pitr-restore.json ${beside} && sed -i 's/"complete"/"copying","copied":true/' ${beside}`,
      'db2',
      'postgres',
    );
    const rest = await planned(parse());
    expect(rest).toMatchObject({ continues: true, copied: true });
    if (rest === undefined) return;
    const heard = listening();
    await recover.apply(lab.barman, rest, parse(), heard.context);
    expect([heard.output, await present()]).toEqual([[], [place]]);
  });

  it('undo ends an rsync that has outlived its Barman before it has begun to write', async () => {
    const params = parse();
    const change = await planned(params);
    if (change === undefined || typeof recover.undo !== 'function')
      throw new Error('there is something to do');
    await recover.apply(lab.barman, change, params, listening().context);
    await lab.sh(
      `mv ${place}/.pitr-restore.json ${beside} && sed -i s/complete/copying/ ${beside}`,
      'db2',
      'postgres',
    );
    const late = `sleep 2; exec ssh "$@"`;
    await lab.sh(
      `printf '#!/bin/sh\n%s\n' '${late}' >/tmp/late-ssh; chmod 755 /tmp/late-ssh
       setsid -f rsync -a --bwlimit=500 -e '/tmp/late-ssh -q postgres@db2' /var/lib/barman/${chosen.server}/base/${chosen.id}/data/ :${place}/ </dev/null >/dev/null 2>&1`,
    );
    await expect.poll(rsyncs, { timeout: 20_000 }).not.toBe('');
    await recover.undo(lab.barman, change, listening().context);
    expect([await rsyncs(), await present()]).toEqual(['', ['']]);
    await new Promise((settle) => setTimeout(settle, 3000));
    expect(await present()).toEqual(['']);
  });

  it('another backup at the same place is not continued', async () => {
    const marker = JSON.stringify({
      state: 'copying',
      server: 'db1',
      backup: '20200101T000000',
      run: 'x',
      emptyBefore: false,
    });
    await lab.sh(
      `mkdir -m 700 ${place}; echo x >${place}/PG_VERSION; printf '%s' '${marker}' >${beside}`,
      'db2',
      'postgres',
    );
    const error = await errorOf(planned(parse()));
    expect(error).toMatchObject({ code: 'destination-foreign' });
    expect(error.message).toContain('holds another backup: 20200101T000000 of server db1');
  });

  it('that fails tells the tool’s own words, what state things are in, and how to go on', async () => {
    const params = parse({ remote_ssh: 'ssh -q nobody@db2' });
    const change = await planned(params);
    if (change === undefined) throw new Error('there is something to do');
    const error = await errorOf(recover.apply(lab.barman, change, params, listening().context));
    expect(error).toMatchObject({ kind: 'failed', code: 'recovery-copy-failed' });
    expect(error.message).toContain('Recovery failed!');
    expect(error.evidence?.stderr ?? '').not.toBe('');
    expect(error.state).toContain('the live data of db2 is untouched');
  });
});
