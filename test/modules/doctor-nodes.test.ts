import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { liveHost } from '../../lib/engine/run/live-host.ts';
import { NOT_ASKED } from '../../lib/recovery/doctor/answer.ts';
import type { Facts } from '../../lib/recovery/doctor/facts.ts';
import { examine } from '../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../lib/recovery/doctor/node-facts.ts';
import { lookAtNode } from '../../lib/recovery/doctor/node-script.ts';
import type { NodePlace } from '../../lib/recovery/doctor/place.ts';
import { CHECKS } from '../../lib/recovery/doctor/registry.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import { closed, ordinaryUser } from '../support/ordinary-user.ts';
import { localPlayground } from './playground.ts';

const CHECKED = ['leftovers.waiting', 'leftovers.beside', 'leftovers.settings'] as const;

/** What checks say of a node whose login is nobody in particular. */
async function seen(pgdata: string) {
  const connection = connectHost('here', { kind: 'local' });
  const place: NodePlace = {
    name: 'here',
    pgdata,
    user: ordinaryUser,
    patroni: { port: 8008, config: '/nowhere', service: 'patroni', manager: 'systemd' },
    walMethod: 'local',
  };
  try {
    const host = liveHost(connection, () => connection, { user: ordinaryUser });
    const facts: Facts = {
      now: 0,
      nodes: [
        {
          ...unknownNode('here', NOT_ASKED, NOT_ASKED),
          place,
          host: { value: await lookAtNode(host, place) },
        },
      ],
      variableFlaws: [],
      dynamic: NOT_ASKED,
      controller: { secrets: [], drills: NOT_ASKED },
      inventoryOptions: '',
    };
    return CHECKED.flatMap((id) =>
      CHECKS.filter((check) => check.id === id).flatMap((check) =>
        examine(check, facts).map(({ severity }) => severity),
      ),
    );
  } finally {
    await connection.close();
  }
}

describe('leftovers on a node', () => {
  it('are none where everything could be looked at, and are found', async () => {
    await using ground = await localPlayground();
    await chmod(ground.dir, 0o755);
    const data = join(ground.dir, 'data');
    await mkdir(data);
    expect(await seen(data)).toEqual(['ok', 'ok', 'ok']);
    await writeFile(join(data, 'postgresql.auto.conf'), "recovery_target_time = 'x'\n");
    await mkdir(`${data}.pre-pitr.x`);
    expect(await seen(data)).toEqual(['ok', 'warning', 'warning']);
    await writeFile(`${data}.pitr.json`, '{}');
    expect(await seen(data)).toEqual(['warning', 'ok', 'warning']);
  });

  it('are unknown where they cannot be looked for', async () => {
    await using ground = await localPlayground();
    await chmod(ground.dir, 0o755);
    const above = join(ground.dir, 'above');
    const data = join(above, 'data');
    await mkdir(data, { recursive: true });
    await writeFile(join(data, 'postgresql.auto.conf'), "recovery_target_time = 'x'\n");
    await chmod(join(data, 'postgresql.auto.conf'), 0o000);
    expect(await seen(data)).toEqual(['ok', 'ok', 'unknown']);
    await chmod(above, 0o711);
    expect(await seen(data)).toEqual(['unknown', 'unknown', 'unknown']);
    await using _closed = await closed(above);
    expect(await seen(data)).toEqual(['unknown', 'unknown', 'unknown']);
  });
});
