import { describe, expect, it } from 'vitest';
import type { ReadHost } from '../../../../lib/contract/host.ts';
import type { Probe } from '../../../../lib/contract/probe.ts';
import { discoverSite } from '../../../../lib/recovery/discovery/discover-site.ts';

const never = async (): Promise<never> => {
  throw new Error('nobody asks for that');
};

/** A host whose data the login may not read; `id` is what its Patroni says of it, where that answers. */
function host(name: string, member: string, id: string | undefined, listed = ['db1', 'db2']): ReadHost {
  const config = { name: member, scope: 'main', data: '/data', rest: ':8008', system: null };
  const found = `@config /p.yml\n@host ${member}\n@tell\n ${JSON.stringify(config)}\n@end\n`;
  const members = listed.map((one) => ({
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

describe('a host that was named and that the cluster does not list', () => {
  const at = (where: string) => ({ ansible_connection: 'ssh', ansible_host: where });

  /** What is found where the cluster lists these, of the node that is asked first and of one that is named with `--host`. */
  async function found(
    listed: readonly string[],
    named: string,
    there: string,
    id: string | undefined = '7300',
  ) {
    // A person is asked for what is listed and not reached; a word that is mistyped is to be seen by who has typed it.
    const ask = async (name: string) => (name === 'barman' ? undefined : never());
    const wish = { from: at('db1'), hosts: new Map([[named, at('there')]]), ask };
    const connect = (name: string): ReadHost =>
      name === named ? host(name, there, id, [...listed]) : host(name, 'db1', '7300', [...listed]);
    const { members, unlisted } = await discoverSite(connect, wish);
    return { members: members.map(({ name }) => name), unlisted };
  }

  it('is one of its members where it proves that', async () => {
    expect(await found(['db1'], 'db3', 'db3')).toEqual({ members: ['db1', 'db3'], unlisted: [] });
  });

  it('is told where it does not: its name may be mistyped', async () => {
    expect(await found(['db1'], 'bd3', 'db3')).toEqual({
      members: ['db1'],
      unlisted: [
        {
          name: 'bd3',
          why: 'it was named, and the cluster does not list it; there: there is member db3 of cluster main',
        },
      ],
    });
    expect(await found(['db1'], 'db3', 'db3', '1')).toMatchObject({
      members: ['db1'],
      unlisted: [{ why: expect.stringContaining('another cluster of the same name') }],
    });
  });

  it('is in the file where it is the one that was asked first', async () => {
    expect(await found(['db2'], 'db2', 'db2')).toEqual({ members: ['db2', 'db1'], unlisted: [] });
  });
});
