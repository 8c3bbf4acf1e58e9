import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { pair } from './patroni-pair.ts';

type Pair = Awaited<ReturnType<typeof pair>>;

/** Why a member is not proved to lead, where this is so. */
async function notLeading(member: string, so: (those: Pair) => void) {
  await using those = await pair();
  so(those);
  const { port, config } = those.params;
  const error = await errorOf(those.play.run('patroni.leader', { member, port, config, timeout: 1 }));
  return { config, url: those.leader.url, error, next: (error.next ?? []).join('\n') };
}

it('a leader whose REST API is silent is not to be stopped: it says where that must answer, and how to try it', async () => {
  const { url, error, next } = await notLeading('db2', ({ leader }) => {
    leader.told['/patroni'] = undefined;
  });
  expect(error).toMatchObject({ code: 'not-the-leader', message: expect.stringContaining('names db2') });
  expect(error.message).not.toContain('still not');
  expect(next).not.toMatch(/[Ss]top Patroni/);
  expect(next).toContain(`${url}/leader`);
  expect(next).toContain('restapi.connect_address');
});

it('where another leads, that one is to be stopped', async () => {
  const { next } = await notLeading('here', () => {});
  expect(next).toContain('Stop Patroni on db2');
});

it('where nobody leads, and the member runs as a replica, the failover to it is named', async () => {
  const { config, error, next } = await notLeading('here', ({ own, cluster }) => {
    own.told['/cluster'] = { ...cluster, members: cluster.members.slice(0, 1) };
  });
  expect(error.message).toContain('here is still not the leader (current role: replica)');
  expect(next).toContain(`patronictl -c ${config} failover c1 --candidate here --force`);
});
