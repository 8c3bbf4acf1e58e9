import { beforeAll, expect, it } from 'vitest';
import { CHECKS } from '../../lib/recovery/doctor/registry.ts';
import { ARCHIVE_FAULTS } from './faults-of-archives.ts';
import { CLUSTER_FAULTS } from './faults-of-clusters.ts';
import { HOST_FAULTS } from './faults-of-hosts.ts';
import { examined, openStage, type Stage } from './stage.ts';

const FAULTS = [...HOST_FAULTS, ...CLUSTER_FAULTS, ...ARCHIVE_FAULTS];

/** No lab can have these, or another suite shows them: see the checks. */
const PLANTED_ELSEWHERE = new Set(['backups.drill', 'tools.versions']);

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

it('every check has a fault that it finds', () => {
  const planted = new Set(FAULTS.map(({ check }) => check));
  expect(CHECKS.map(({ id }) => id).filter((id) => !planted.has(id) && !PLANTED_ELSEWHERE.has(id))).toEqual(
    [],
  );
});

it.each(FAULTS)(
  '$check finds it: $what; and is silent when it is taken back',
  { timeout: 600_000 },
  async (fault) => {
    // who leads may have changed with the fault before
    stage = await openStage();
    expect(await examined(stage, fault, (found) => found.length === 0)).toEqual([]);
    const planted = await fault.plant(stage);
    try {
      const sees = (found: readonly { readonly text?: string }[]) =>
        found.some(({ text }) => fault.says.test(text ?? ''));
      const found = await examined(stage, fault, sees, planted);
      expect(found.map(({ text }) => text).join('\n')).toMatch(new RegExp(fault.says, 'm'));
      for (const { severity, meaning, mend } of found) {
        expect(severity).not.toBe('ok');
        expect(meaning).toMatch(/\.$/);
        expect(mend?.length).toBeGreaterThan(0);
      }
    } finally {
      await planted.takeBack();
    }
    expect(await examined(stage, { ...fault, eventually: true }, (found) => found.length === 0)).toEqual([]);
  },
);
