import { expect, it } from 'vitest';
import type { ReadHost } from '../../../../lib/contract/host.ts';
import type { Probe } from '../../../../lib/contract/probe.ts';
import { discoverSite } from '../../../../lib/recovery/discovery/discover-site.ts';

const never = async (): Promise<never> => {
  throw new Error('nobody asks for that');
};

/** A host whose data the login may not read; `id` is what its Patroni says of it, where that answers. */
function host(name: string, member: string, id: string | undefined): ReadHost {
  const config = { name: member, scope: 'main', data: '/data', rest: ':8008', system: null };
  const found = `@config /p.yml\n@host ${member}\n@tell\n ${JSON.stringify(config)}\n@end\n`;
  const members = ['db1', 'db2'].map((one) => ({
    name: one,
    host: one,
    port: 5432,
    role: one === 'db1' ? 'leader' : 'replica',
    state: 'running',
    api_url: `http://${one}:8008/patroni`,
  }));
  const own = {
    state: 'running',
    role: 'replica',
    database_system_identifier: id,
    patroni: { scope: 'main', version: '3.3.0' },
  };
  const rest = `@url /cluster\n${JSON.stringify({ members })}\n@code 200\n@url /patroni\n${JSON.stringify(own)}\n@code 200\n`;
  const answerTo = ({ argv: [, , script = ''] }: Probe): string => {
    if (script.includes('chosen_patroni')) return found;
    return id !== undefined && script.includes('find_own') ? rest : '';
  };
  const one: ReadHost = {
    name,
    query: async (probe) => ({
      argv: probe.argv,
      exitCode: 0,
      stdout: answerTo(probe),
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

/** What is learned of db2, which says so of its cluster. */
async function db2(id: string | undefined) {
  const from = { ansible_connection: 'ssh', ansible_host: 'db1' };
  const wish = { from, hosts: new Map(), ask: async () => undefined };
  const connect = (name: string): ReadHost =>
    name === 'db2' ? host(name, 'db2', id) : host(name, 'db1', '7300');
  return (await discoverSite(connect, wish)).members.find(({ name }) => name === 'db2');
}

it('a member whose data the login may not read is known by what its Patroni says', async () => {
  expect(await db2('7300')).toMatchObject({ node: { member: 'db2', systemId: '7300' } });
  expect(await db2('1')).toMatchObject({ why: expect.stringContaining('another cluster of the same name') });
});

it('a member of which nothing tells is left out, with the ways on', async () => {
  const why = expect.stringMatching(/its data does not tell; .*ansible_become=true.*--host NAME=WHERE/);
  expect(await db2(undefined)).toMatchObject({ why });
});
