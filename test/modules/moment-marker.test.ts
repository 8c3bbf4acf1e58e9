import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { commit, nothingRuns, SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import { beside, ID } from './barman-here.ts';
import { localPlayground } from './playground.ts';
import { inWal, ours, PLACES, user } from './wal-here.ts';

/** `barman.moment` by a shell of this machine: a time after the last commit, and who could write one more. */

const lsn = (number: number, offset: number): string =>
  `0/${(number * SIZE + offset).toString(16).toUpperCase()}`;

/** Why there is no commit of a leader that would end the recovery, in the words of the refusal. */
async function why(leader: Readonly<Record<string, unknown>>): Promise<string | undefined> {
  await using ground = await localPlayground();
  return await beside(ground, ours, async () => {
    const info = join(ground.dir, 'home/db1/base', ID, 'backup.info');
    const of = {
      ...{ begin_wal: '000000010000000000000005', end_wal: '000000010000000000000005' },
      ...{ begin_xlog: lsn(5, 40), end_xlog: lsn(5, 200), xlog_segment_size: SIZE },
    };
    let text = await readFile(info, 'utf8');
    for (const [key, value] of Object.entries(of))
      text = text.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`);
    await writeFile(
      info,
      text
        .replace(/^begin_time=.*$/m, 'begin_time=2026-11-22 09:00:00+00:00')
        .replace(/^end_time=.*$/m, 'end_time=2026-11-22 09:00:01+00:00'),
    );
    const segments = segmentsOf([
      [5, 1, [nothingRuns(100)]],
      [6, 1, [commit(100, '10:00:01')]],
    ]);
    for (const [number, bytes] of segments)
      await inWal(ground, `${PLACES.wals}/00000001000000000000000${number}`, bytes);
    const params = { backup: ID, server: 'db1', user, target: '2026-11-22 10:30:00+00', ...leader };
    const refused = await errorOf(ground.play.run('barman.moment', params));
    expect(refused.code).toBe('target-after-last-commit');
    return refused.details.at(-1);
  });
}

it.each([
  [
    'nobody has looked for a leader',
    {},
    'This run knows of no leader whom it could ask for a commit that would end the recovery there: none was looked for, or no member has answered.',
  ],
  ['nobody leads', { leader_timeline: 0 }, 'The cluster has no leader that could write one more commit.'],
  ['it is not wanted', { leader_timeline: 1 }, expect.stringContaining('marker=true')],
])('a moment after the last commit is refused as what it is, where %s', async (_, leader, words) => {
  expect(await why(leader)).toEqual(words);
});
