import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ReadHost } from '../../lib/contract/host.ts';
import type { Probe } from '../../lib/contract/probe.ts';
import { NOT_ASKED } from '../../lib/recovery/doctor/answer.ts';
import { examine } from '../../lib/recovery/doctor/finding.ts';
import { lookAround } from '../../lib/recovery/doctor/look.ts';
import { CHECKS } from '../../lib/recovery/doctor/registry.ts';
import { deferred } from '../../lib/transport/deferred.ts';
import { ordinaryUser } from '../support/ordinary-user.ts';
import { sqlAnswer } from '../unit/recovery/doctor/sql-answer.ts';
import { beside, OWN } from './barman-here.ts';
import { localPlayground } from './playground.ts';

const LAST = '000000010000000000000009';

const never = async (): Promise<never> => {
  throw new Error('nobody asks for that');
};

/** The leader: of its cluster it tells at once, of what it has archived when `archives` has come to its end. */
function leader(archives: () => Promise<void>): ReadHost {
  const members = [
    {
      name: 'db1',
      host: 'db1',
      port: 5432,
      role: 'leader',
      state: 'running',
      api_url: 'http://db1:8008/patroni',
    },
  ];
  const own = { state: 'running', role: 'master', patroni: { scope: 'main', version: '3.3.0' } };
  const rest = `@url /cluster\n${JSON.stringify({ members })}\n@code 200\n@url /patroni\n${JSON.stringify(own)}\n@code 200\n`;
  const answerTo = async ({ argv }: Probe): Promise<string> => {
    const script = argv.join(' ');
    if (script.includes('id -un')) return 'postgres\n';
    if (script.includes('find_own')) return rest;
    if (!script.includes('pg_stat_archiver')) return '';
    await archives();
    const archived = { last: LAST, seconds_ago: 0, failed: null, failing: false };
    return sqlAnswer({ system_id: OWN, archived });
  };
  const one: ReadHost = {
    name: 'db1',
    query: async (probe) => ({
      argv: probe.argv,
      exitCode: 0,
      stdout: await answerTo(probe),
      stderr: '',
      durationMs: 0,
      timedOut: false,
    }),
    stream: never,
    queryAll: never,
    look: never,
    peer: () => one,
  };
  return one;
}

/** What is found where the leader archives `stores` between the list of Barman's archives and its own answer. */
async function found(stores: readonly string[]): Promise<readonly string[]> {
  await using ground = await localPlayground();
  const listed = deferred<void>();
  const here = ground.play.host();
  const barman: ReadHost = {
    name: 'barman',
    query: (probe) => here.query(probe),
    stream: (probe) => here.stream(probe),
    queryAll: async (probes) => {
      try {
        return await here.queryAll(probes);
      } finally {
        listed.resolve();
      }
    },
    look: (resource, id) => here.look(resource, id),
    peer: (name) => here.peer(name),
  };
  const db1 = leader(async () => {
    await listed.promise;
    const directory = join(ground.dir, 'home/db1/wals', LAST.slice(0, 16));
    await mkdir(directory, { recursive: true });
    for (const segment of stores) await writeFile(join(directory, segment), 'WAL');
  });
  const patroni = { port: 8008, config: '/p.yml', service: 'patroni', manager: 'systemd' as const };
  const place = {
    name: 'db1',
    pgdata: '/d',
    bin: '/b',
    user: 'postgres',
    patroni,
    walMethod: 'local' as const,
  };
  const checks = CHECKS.filter(({ id }) => id === 'archiving.arrives');
  const site = {
    nodes: [{ name: 'db1', place: { ...place, barmanServer: 'db1' } }],
    barman: { name: 'barman', user: ordinaryUser, lockDirectory: '' },
    variableFlaws: [],
    controller: { secrets: [], drills: NOT_ASKED },
    inventoryOptions: '',
    host: (name: string) => (name === 'barman' ? barman : db1),
  };
  return await beside(ground, { systemId: OWN, lines: '' }, async () => {
    const facts = await lookAround(site, new Set(checks.flatMap(({ needs }) => needs)));
    return checks
      .flatMap((check) => examine(check, facts))
      .map(({ severity, text = '' }) => `${severity}: ${text.replace(/:.*/, '')}`);
  });
}

it('what the leader archives while pitr doctor looks around is looked for once more', async () => {
  expect(await found([LAST])).toEqual(['ok: ']);
});

it('what is in no archive then, either, is a finding', async () => {
  const nowhere = [`critical: ${LAST} counts as archived, and lies in no archive of Barman`];
  expect(await found([])).toEqual(nowhere);
  expect(await found(['000000010000000000000008'])).toEqual(nowhere);
});
