import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { pair } from './patroni-pair.ts';

type Pair = Awaited<ReturnType<typeof pair>>;

/**
 * A wait over the cluster, which is silent for one look after what was asked of it was asked, and tells the outcome then;
 * `forGood`: it is silent from then on, after it has once told that there is none yet. The first silence puts the clock on
 * to the deadline: however long looks take, the one before it was in time, and it is the last one.
 */
async function waited(
  module: string,
  so: (those: Pair, done: boolean) => void,
  more: object = {},
  forGood = false,
) {
  await using those = await pair();
  const asked = join(those.params.pgdata, '..', 'asked');
  await using _ = await fakePrograms({
    patronictl: `case "$*" in *list*) echo 'etcd elects' >&2; exit 1 ;; esac; : >${asked}`,
  });
  let looks = 0;
  const timeout = 20;
  const putOn = forGood ? clockToPutOn() : () => {};
  const { own, params, play } = those;
  own.told['/cluster'] = () => {
    const counts = module === 'patroni.leader' || existsSync(asked);
    if (counts) looks += 1;
    so(those, !forGood && looks > 1);
    const silent = counts && (forGood ? looks > 1 : looks === 1);
    if (!silent) return those.cluster;
    putOn(timeout * 1000);
    return undefined;
  };
  const { port, config } = params;
  const run = play.run(module, { port, config, timeout, ...more });
  return await (forGood ? errorOf(run) : run);
}

/** The clock of this process, to be put on by so many milliseconds for the rest of the test. */
function clockToPutOn(): (ms: number) => void {
  const now = performance.now.bind(performance);
  let aheadMs = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs);
  onTestFinished(() => clock.mockRestore());
  return (ms) => {
    aheadMs += ms;
  };
}

/** The two of the pair, by who leads. */
function ledBy({ cluster, own, leader, leads, replica }: Pair, name: string): void {
  for (const member of cluster.members) member.role = member.name === name ? 'leader' : 'replica';
  own.told['/patroni'] = name === 'here' ? { ...leads, replication: [] } : replica;
  own.told['/leader'] = {};
  leader.told['/patroni'] = name === 'db2' ? leads : replica;
}

const WAITS: readonly (readonly [string, (those: Pair, done: boolean) => void, object])[] = [
  ['patroni.leader', (those, done) => ledBy(those, done ? 'here' : 'db2'), { member: 'here' }],
  ['patroni.failover', (those, done) => ledBy(those, done ? 'here' : 'db2'), { candidate: 'here' }],
  [
    'patroni.restart',
    ({ own, replica }, done) => {
      own.told['/patroni'] = {
        ...replica,
        postmaster_start_time: done ? '2026-11-29 02:00' : '2026-11-29 01:00',
      };
    },
    {},
  ],
  [
    'patroni.pause',
    ({ cluster }, done) => {
      Object.assign(cluster, { pause: done });
    },
    {},
  ],
];

it.each(WAITS)('%s waits on where the cluster is silent for a moment', async (module, so, more) => {
  expect(await waited(module, so, more)).toMatchObject({ result: expect.anything() });
});

it.each(WAITS)(
  '%s tells at its deadline that the last look was in vain, and what was seen before',
  async (module, so, more) => {
    const error = await waited(module, so, more, true);
    expect(error).toMatchObject({
      code: 'patroni-silent',
      evidence: { stderr: expect.stringContaining('etcd elects') },
    });
    expect('details' in error && error.details?.join('\n')).toMatch(
      /again and again for \d+ s[\s\S]*Seen before: \S/,
    );
  },
);
