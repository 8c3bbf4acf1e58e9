import { EventEmitter, once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { asPitrError, PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { onlyWhere, refuseAnother } from '../../../../lib/engine/run/known-machines.ts';
import type { HostIdentity } from '../../../../lib/system/core/host-identity.ts';
import { connectHost } from '../../../../lib/transport/connect.ts';
import { endProcess, startSshd } from '../../../support/sshd.ts';

const DB1: HostIdentity = { name: 'db1', machine: '5f2c' };
const KNOWN = { runId: 'r', machines: new Map([['db1', DB1]]), again: 'pitr undo r' };

function refusal(name: string, now: HostIdentity) {
  try {
    refuseAnother(KNOWN, { name, address: 'ssh root@10.0.0.1' }, now);
    return undefined;
  } catch (thrown) {
    const { kind, code, message, next } = asPitrError(thrown);
    return { kind, code, message, last: next.at(-1) };
  }
}

it('a host of which nothing was written down may be any machine', () => {
  expect(refusal('db2', {})).toBeUndefined();
});

it('a host that is the machine that it was is worked on', () => {
  expect(refusal('db1', DB1)).toBeUndefined();
});

it('a host that is another machine is told with both, and with the word that goes on', () => {
  expect(refusal('db1', { name: 'db1', machine: '77aa' })).toEqual({
    kind: 'refused',
    code: 'another-machine',
    message:
      'db1 is not the machine that run r has changed: that was db1 (machine-id 5f2c), this is db1 (machine-id 77aa)',
    last: 'Where it is that machine under a new name, or was moved to this one with all its data: pitr undo r --other-machine db1',
  });
});

it('a host that does not tell its name is not taken for the machine that it was', () => {
  expect(refusal('db1', {})).toMatchObject({ kind: 'refused', code: 'machine-unknown' });
});

it('a host that was lost is asked again before anything else is', async () => {
  const lost = new PitrError({ kind: 'unreachable', code: 'connection-lost', message: 'it is gone' });
  const other = new PitrError({ kind: 'refused', code: 'another-machine', message: 'not that one' });
  const gone = Object.assign(connectHost('db1', { kind: 'local' }), { run: () => Promise.reject(lost) });
  let proofs = 0;
  const host = onlyWhere(
    () => gone,
    async () => {
      proofs += 1;
      if (proofs > 1) throw other;
    },
  );
  await expect(host.run(['true'])).rejects.toBe(lost);
  await expect(host.run(['true'])).rejects.toBe(other);
  await expect(host.readFile('/etc/hostname')).rejects.toBe(other);
});

/** A host behind a real sshd, how often it was proved, and the news that its connection is gone. */
async function provedHost(client?: 'openssh') {
  const sshd = await startSshd();
  const gone = new EventEmitter();
  let proofs = 0;
  const host = onlyWhere(
    (lost) =>
      connectHost('db1', { ...sshd.settings, client }, () => {
        lost();
        gone.emit('gone');
      }),
    async (there) => {
      await there.run(['true']);
      proofs += 1;
    },
  );
  onTestFinished(async () => {
    await host.close();
    await sshd.stop();
  });
  const cutOff = async (): Promise<void> => {
    for (const pid of await sshd.connections()) endProcess(pid, 'SIGKILL');
  };
  return { host, cutOff, gone, proofs: () => proofs };
}

it.each([undefined, 'openssh'] as const)(
  'a host that was lost while nobody asked it anything is asked again (%s)',
  async (client) => {
    const { host, cutOff, gone, proofs } = await provedHost(client);
    await host.run(['true']);
    await host.run(['true']);
    expect(proofs()).toBe(1);
    const lost = once(gone, 'gone');
    await cutOff();
    await lost;
    // The shell that stands there may learn of it a moment later.
    await host.run(['true']).catch(() => undefined);
    await host.run(['true']);
    expect(proofs()).toBe(2);
  },
);

it('a host that was lost under a program with streams of its own is asked again', async () => {
  const unreachable = new PitrError({ kind: 'unreachable', code: 'connection-lost', message: 'it is gone' });
  let proofs = 0;
  const here = connectHost('db1', { kind: 'local' });
  // A container that was taken away: no connection of its own tells of that.
  const gone = Object.assign(here, {
    spawn: async () => ({ ended: Promise.reject(unreachable) }),
  });
  const host = onlyWhere(
    () => gone,
    async () => {
      proofs += 1;
    },
  );
  await expect((await host.spawn(['cat'])).ended).rejects.toBe(unreachable);
  await host.run(['true']);
  expect(proofs).toBe(2);
});
