import { expect } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import type { Scene } from '../support/lab.ts';
import { picture } from '../support/picture.ts';
import { pitr, runError, tasksThat } from '../support/pitr.ts';
import { recover, sceneOn } from './steps.ts';

interface Refusal {
  readonly vars: (scene: Scene) => readonly string[];
  readonly code: string;
  readonly exitCode: number;
  readonly says: RegExp;
}

const MINUTE = 60_000;
const WEEK = 7 * 24 * 60 * MINUTE;

/** A moment that long after the end of the backup. */
function moment({ accident }: Scene, ms: number): string {
  return `target_time=${new Date(new Date(accident.backup.endedAt).getTime() + ms).toISOString()}`;
}

const REFUSALS: readonly Refusal[] = [
  {
    vars: () => ['backup=20200101T000000'],
    code: 'backup-unknown',
    exitCode: 5,
    says: /20200101T000000/,
  },
  {
    vars: (scene) => [`backup=${scene.accident.backup.id}`, moment(scene, -MINUTE)],
    code: 'target-before-backup-end',
    exitCode: 5,
    says: /before/,
  },
  {
    vars: (scene) => [moment(scene, WEEK)],
    code: 'target-after-last-commit',
    exitCode: 5,
    says: /has not come yet/,
  },
  {
    vars: () => ['target_time=2026-11-22 09:34:43'],
    code: 'time-without-zone',
    exitCode: 3,
    says: /zone/,
  },
  { vars: () => ['target=db9'], code: 'target-unknown', exitCode: 5, says: /db9/ },
  { vars: ({ leader }) => [`target=${leader}`], code: 'target-is-leader', exitCode: 5, says: /leader/ },
];

/** Each with a reason and a way on; the data, the servers, the members and the lock are as before. */
export async function refusesWhatCannotBe(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const before = await picture(lab);
  for (const { vars, code, exitCode, says } of REFUSALS) {
    const words = recover(lab, scene, 'auto_start=true', ...vars(scene));
    const result = await pitr([...words, '--output', 'json', '--yes']);
    const error = runError(result.events);
    expect({ code: error?.code, exitCode: result.exitCode }).toEqual({ code, exitCode });
    expect(JSON.stringify(error)).toMatch(says);
    // What a param must hold stands in its details.
    expect([code, ...(error?.details ?? []), ...(error?.next ?? [])]).not.toEqual([code]);
    expect(tasksThat('changed', result.events)).toEqual([]);
    expect(await picture(lab)).toEqual(before);
  }
}
