import { expect } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { waitFor } from '../../lab/wait.ts';
import { onBarman } from '../support/archive-files.ts';
import { inodeOfData } from '../support/lab.ts';
import { expectAsBefore, expectIsolated, expectRows, played, recover, run, sceneOn } from './steps.ts';

async function backupIds(lab: Lab, server: string): Promise<readonly string[]> {
  return (await onBarman(lab, 'barman list-backup --minimal "$1"', server)).split('\n').filter(Boolean);
}

/** What was prepared waits for days, and Barman keeps one backup only. */
export async function isHeld(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const { target, accident } = scene;
  const { server, id } = accident.backup;
  const keep = () => onBarman(lab, 'barman keep --status "$1" "$2"', server, id);
  const before = await inodeOfData(lab, target);
  expect(await keep()).toContain('nokeep');
  await run(recover(lab, scene, `backup=${id}`, 'restore=false'));
  expect(await keep()).toContain('full');

  // The first of two newer ones is obsolete: when it is gone, the policy has been enforced.
  const known = await backupIds(lab, server);
  await onBarman(lab, 'barman -q backup --wait --wait-timeout 120 "$1"', server);
  const [between = ''] = (await backupIds(lab, server)).filter((one) => !known.includes(one));
  expect(between).not.toBe('');
  await onBarman(lab, 'barman -q backup --wait --wait-timeout 120 "$1"', server);
  const left = await waitFor({
    what: `Barman to delete ${between}`,
    deadlineMs: 180_000,
    everyMs: 1000,
    attempt: async () => {
      await onBarman(lab, 'barman -q cron');
      return backupIds(lab, server);
    },
    done: (ids) => !ids.includes(between),
    describe: (ids) => ids.join(', '),
  });
  expect(left).toContain(id);

  await run(played(lab, 'replay.yml', `target=${target}`));
  await expectIsolated(lab, scene);
  await expectRows(lab, scene);
  await run(played(lab, 'rollback.yml', `target=${target}`));
  await expectAsBefore(lab, scene, before);
  // Let go of, it is obsolete.
  await waitFor({
    what: `Barman to delete ${id}`,
    deadlineMs: 180_000,
    everyMs: 1000,
    attempt: () => backupIds(lab, server),
    done: (ids) => !ids.includes(id),
    describe: (ids) => ids.join(', '),
  });
}
