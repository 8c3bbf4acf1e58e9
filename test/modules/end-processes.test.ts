import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { endBarmanRecover } from '../../lib/recovery/barman/end-barman.ts';
import { endReceivingRsync } from '../../lib/recovery/barman/end-rsync.ts';
import { endProcesses, leftProbe } from '../../lib/system/core/end-processes.ts';
import { localPlayground } from './playground.ts';

describe('what was left at work', () => {
  it('is looked for again where a process hid for an instant, as one does that logs in', async () => {
    await using ground = await localPlayground();
    const looks = join(ground.dir, 'looks');
    await writeFile(looks, '');
    const find = leftProbe(`
left() {
  echo x >>"$1"
  [ "$(wc -l <"$1")" -gt 2 ] || { echo '/proc/7 of user 103 cannot be looked into'; return 1; }
}`);
    const what = { words: 'what the change started', find, args: [looks], patience: 0 };
    expect(await endProcesses(ground.play.host(), what)).toBe(0);
  });
});

/** A process that has this command line, and does nothing. */
async function at(commandLine: string) {
  const child = spawn('/bin/sleep', ['600'], { argv0: commandLine, stdio: 'ignore' });
  await once(child, 'spawn');
  const closed = once(child, 'close');
  return {
    commandLine,
    closed,
    atWork: () => child.exitCode === null && child.signalCode === null,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await closed;
    },
  };
}

async function all(commandLines: readonly string[]) {
  const processes = await Promise.all(commandLines.map(at));
  return {
    closed: () => Promise.all(processes.map(({ closed }) => closed)),
    atWork: () => processes.filter(({ atWork }) => atWork()).map(({ commandLine }) => commandLine),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(processes.map((one) => one[Symbol.asyncDispose]()));
    },
  };
}

describe('what is left of a copy to a place', () => {
  const me = userInfo().username;

  it('is an rsync that receives there or below it, and none whose place merely begins or ends alike', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const receiver = 'rsync --server -logDtpre.iLsfxC .';
    const alike = [
      `${receiver} ${dir}/data2`,
      `${receiver} ${dir}/data.pitr/base/`,
      `${receiver} /mnt${dir}/data`,
    ];
    await using others = await all(alike);
    const host = play.host();
    await endReceivingRsync(host, [`${dir}/data`], me);
    expect(others.atWork()).toEqual(alike);
    // Five seconds pass: those that they have to end by themselves.
    await using ours = await all([
      `${receiver} ${dir}/data`,
      `${receiver} ${dir}/data/`,
      `${receiver} ${dir}/data/base`,
    ]);
    await endReceivingRsync(host, [`${dir}/data`], me);
    await ours.closed();
    expect(others.atWork()).toEqual(alike);
  });

  it('on Barman’s host is what sends there with that login, and not to another place or host that is called alike', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const sent = (login: string, place: string) => [
      `rsync -rLKpts -e ssh '-q' '${login}' /barman/base/ :${place}`,
      `ssh -q ${login} rsync --server -logDtpre.iLsfxC . ${place}`,
    ];
    const alike = [
      ...sent('postgres@db2', `${dir}/data2`),
      ...sent('postgres@db2', `/mnt${dir}/data`),
      ...sent('postgres@db20', `${dir}/data`),
      ...sent('otherpostgres@db2', `${dir}/data`),
      ...sent('postgres@db2.elsewhere', `${dir}/data`),
    ];
    await using others = await all(alike);
    await using ours = await all([
      ...sent('postgres@db2', `${dir}/data`),
      ...sent('postgres@db2', `${dir}/data/base/`),
    ]);
    const login = ['--remote-ssh-command', 'ssh -q postgres@db2'];
    const argv = ['barman', 'recover', ...login, '--get-wal', 'db1', '20260101T000000', `${dir}/data`];
    await endBarmanRecover(play.host(), argv, me);
    await ours.closed();
    expect(others.atWork()).toEqual(alike);
  });

  it('on Barman’s host is what copies there, where that host itself receives', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const alike = [
      `rsync -rLKpts /barman/base/ ${dir}/data2`,
      `rsync -rLKpts -e ssh '-q' 'postgres@db2' /barman/base/ :${dir}/data`,
      `ssh -q postgres@db2 rsync --server -logDtpre.iLsfxC . ${dir}/data`,
    ];
    await using others = await all(alike);
    await using ours = await all([`rsync -rLKpts /barman/base/ ${dir}/data`]);
    const argv = ['barman', 'recover', '--get-wal', 'db1', '20260101T000000', `${dir}/data`];
    await endBarmanRecover(play.host(), argv, me);
    await ours.closed();
    expect(others.atWork()).toEqual(alike);
  });
});
