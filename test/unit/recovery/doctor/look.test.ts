import { setTimeout } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import type { ReadHost } from '../../../../lib/contract/host.ts';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import { lookAround, type Site } from '../../../../lib/recovery/doctor/look.ts';

const stop = async (): Promise<never> => {
  throw new PitrError({ kind: 'interrupted', code: 'interrupted', message: 'Ctrl-C' });
};
const silent = new Promise<never>(() => {});

/** A host that is asked when Ctrl-C comes, or one that has not answered yet. */
const host = (name: string, query: ReadHost['query']): ReadHost => {
  const one: ReadHost = { name, query, stream: stop, queryAll: stop, look: stop, peer: () => one };
  return one;
};

it('Ctrl-C while nodes are asked ends in one error, and leaves none that nobody awaits', async () => {
  const stray = vi.fn();
  process.on('unhandledRejection', stray);
  try {
    const patroni = { port: 8008, config: '/p.yml', service: 'patroni', manager: 'systemd' as const };
    const site: Site = {
      nodes: [
        { name: 'db1', place: { name: 'db1', pgdata: '/d', user: 'postgres', patroni, walMethod: 'local' } },
      ],
      barman: { name: 'barman', user: 'barman', lockDirectory: '' },
      variableFlaws: [],
      controller: { secrets: [], drills: NOT_ASKED },
      inventoryOptions: '',
      host: (name) => host(name, name === 'barman' ? () => silent : stop),
    };
    await expect(lookAround(site, new Set(['sql', 'stock']))).rejects.toMatchObject({ kind: 'interrupted' });
    await expect(lookAround(site, new Set(['files']))).rejects.toMatchObject({ kind: 'interrupted' });
    await setTimeout(10);
    expect(stray).not.toHaveBeenCalled();
  } finally {
    process.off('unhandledRejection', stray);
  }
});
