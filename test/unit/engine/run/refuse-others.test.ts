import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { Masker } from '../../../../lib/base/values/masker.ts';
import { Connections } from '../../../../lib/engine/run/connections.ts';
import { loadInventory } from '../../../../lib/language/inventory/load.ts';
import { newDirectory } from '../../../engine/support.ts';

/** Asks the hosts of a run, all of which were another machine. */
async function ask(hosts: string, met: readonly string[], signal = new AbortController().signal) {
  const file = join(await newDirectory(), 'hosts.yml');
  await writeFile(file, `all: { hosts: { one: { ansible_connection: local }, ${hosts} } }\n`);
  const machines = new Map(met.map((host) => [host, { name: `another-${host}` }]));
  const known = { runId: 'r', machines, again: 'pitr resume r' };
  const connections = new Connections(await loadInventory([file]), {}, new Masker(), { known });
  onTestFinished(() => connections.closeAll());
  await connections.refuseOthers(signal);
}

it('the machine that pitr itself runs on is asked, too, though no inventory names it', async () => {
  await expect(ask('', ['localhost'])).rejects.toMatchObject({ code: 'another-machine', host: 'localhost' });
});

it('a host whose variables are wrong, or that is gone from the inventory, is left to whoever needs it', async () => {
  await expect(ask('two: { ansible_connection: smoke }', ['two', 'three'])).resolves.toBeUndefined();
});

it('nothing is begun after an interruption: no host was seen to be what it was', async () => {
  const reason = new PitrError({ kind: 'interrupted', code: 'interrupted', message: 'Ctrl-C' });
  await expect(ask('', ['one'], AbortSignal.abort(reason))).rejects.toBe(reason);
});
