import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wayTo } from '../../lib/recovery/discovery/discover-barman.ts';
import { NOT_ASKED } from '../../lib/recovery/doctor/answer.ts';
import { gatherBarmanFacts } from '../../lib/recovery/doctor/barman-facts.ts';
import type { Facts } from '../../lib/recovery/doctor/facts.ts';
import { examine } from '../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../lib/recovery/doctor/node-facts.ts';
import type { NodePlace } from '../../lib/recovery/doctor/place.ts';
import { CHECKS } from '../../lib/recovery/doctor/registry.ts';
import { identityOf } from '../../lib/system/core/host-identity.ts';
import { errorOf } from '../support/errors.ts';
import { localPlayground, Playground } from './playground.ts';

const user = userInfo().username;

/** Logs in to this machine; to one that says this of its name, where something is said. */
async function loginIn(dir: string, uname?: string): Promise<string> {
  await chmod(dir, 0o755);
  const programs = join(dir, 'programs');
  await mkdir(programs, { recursive: true });
  if (uname !== undefined) await writeFile(join(programs, 'uname'), `#!/bin/sh\n${uname}\n`, { mode: 0o755 });
  await writeFile(join(programs, 'rsync'), '#!/bin/sh\n', { mode: 0o755 });
  const login = join(dir, 'login');
  await writeFile(login, `#!/bin/sh\nPATH=${programs}:$PATH exec sh -c "$1"\n`, { mode: 0o755 });
  return login;
}

const ELSEWHERE = ['a host of another name', 'echo db9', 'login-elsewhere', 'refused', 'critical'] as const;
const NAMELESS = ['a host without a name', 'exit 1', 'login-host-unknown', 'failed', 'unknown'] as const;

describe('a login from Barman to a node', () => {
  it('that leads there is proved', async () => {
    await using ground = await localPlayground();
    await using play = new Playground({ here: { kind: 'local' }, db2: { kind: 'local' } });
    const { name } = await identityOf(play.host('db2'));
    const wish = { remote_ssh: await loginIn(ground.dir), node: 'db2', user };
    expect(await play.run('barman.access', wish)).toMatchObject({ result: { login: { user, host: name } } });
  });

  it.each([ELSEWHERE, NAMELESS])('that leads to %s is refused', async (_, uname, code, kind) => {
    await using ground = await localPlayground();
    await using play = new Playground({ here: { kind: 'local' }, db2: { kind: 'local' } });
    const remote_ssh = await loginIn(ground.dir, uname);
    const error = await errorOf(play.run('barman.access', { remote_ssh, node: 'db2', user }));
    expect(error).toMatchObject({ kind, code });
    expect(error.next.join('\n')).toContain(`${remote_ssh} uname -n`);
  });

  it.each([ELSEWHERE, NAMELESS])(
    'that leads to %s is a finding of pitr doctor',
    async (_, uname, code, __, severity) => {
      await using ground = await localPlayground();
      await using play = new Playground({ here: { kind: 'local' }, db2: { kind: 'local' } });
      const node: NodePlace = {
        name: 'db2',
        pgdata: '/data',
        user: 'postgres',
        patroni: { port: 8008, config: '/p.yml', service: 'patroni', manager: 'systemd' },
        restoreSsh: await loginIn(ground.dir, uname),
        walMethod: 'local',
      };
      const place = { name: 'here', user, lockDirectory: '' };
      const facts: Facts = {
        now: 0,
        nodes: [{ ...unknownNode('db2', NOT_ASKED, NOT_ASKED), place: node }],
        barman: await gatherBarmanFacts(play.host(), place, [node], new Set(['access'])),
        variableFlaws: [],
        dynamic: NOT_ASKED,
        controller: { secrets: [], drills: NOT_ASKED },
        inventoryOptions: '',
      };
      const found = CHECKS.filter(({ id }) => id === 'connections.barman-to-node').flatMap((check) =>
        examine(check, facts),
      );
      expect(found).toMatchObject([{ severity, host: 'db2' }]);
      expect(found[0]?.text).toContain(
        code === 'login-elsewhere' ? 'leads to another host: db9' : 'cannot tell',
      );
    },
  );
});

describe('what pitr init writes as restore_ssh', () => {
  it('leads to the member, as both say', async () => {
    await using ground = await localPlayground();
    const barman = ground.play.host();
    const login = await loginIn(ground.dir);
    const member = { name: 'db2', node: { user, identity: await identityOf(barman) } };
    expect(await wayTo(barman, user, member, login)).toEqual({ value: login });
    const other = { ...member, node: { user, identity: { name: 'db9' } } };
    expect(await wayTo(barman, user, other, login)).toMatchObject({
      missing: expect.stringContaining('reaches'),
    });
  });

  it('is left open where the member itself was not asked', async () => {
    await using ground = await localPlayground();
    const login = await loginIn(ground.dir, 'echo db9');
    expect(await wayTo(ground.play.host(), user, { name: 'db2' }, login)).toMatchObject({
      missing: expect.stringContaining(`"${login}" reaches db9, and db2 itself could not be asked`),
    });
  });
});
