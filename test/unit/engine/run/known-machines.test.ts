import { expect, it } from 'vitest';
import { asPitrError, PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { onlyWhere, refuseAnother } from '../../../../lib/engine/run/known-machines.ts';
import type { HostIdentity } from '../../../../lib/system/core/host-identity.ts';
import { connectHost } from '../../../../lib/transport/connect.ts';

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
  const host = onlyWhere(gone, async () => {
    proofs += 1;
    if (proofs > 1) throw other;
  });
  await expect(host.run(['true'])).rejects.toBe(lost);
  await expect(host.run(['true'])).rejects.toBe(other);
  await expect(host.readFile('/etc/hostname')).rejects.toBe(other);
});
