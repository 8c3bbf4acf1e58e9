import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { told } from '../../../../lib/recovery/doctor/answer.ts';
import type { BarmanFacts, Facts } from '../../../../lib/recovery/doctor/facts.ts';
import {
  examine,
  flawsOf,
  GROUPS,
  groupOf,
  unproved,
  worst,
} from '../../../../lib/recovery/doctor/finding.ts';
import { readClock } from '../../../../lib/recovery/doctor/host-clock.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';

const NOTHING_SEEN: Facts = {
  now: 0,
  nodes: [],
  variableFlaws: [],
  dynamic: { unknown: 'it was not asked', next: [] },
  controller: { secrets: [], drills: { unknown: 'it was not asked', next: [] } },
  inventoryOptions: ' -i inventory.yml',
};

const UNSEEN = { unknown: 'nobody could look', next: [] };

function barmanUnseen(name: string): BarmanFacts {
  const look = {
    reached: UNSEEN,
    look: UNSEEN,
    stock: UNSEEN,
    checks: UNSEEN,
    errors: UNSEEN,
    lock: UNSEEN,
    files: UNSEEN,
    logins: UNSEEN,
  };
  return { place: { name, user: 'barman', lockDirectory: '' }, access: {}, ...look };
}

describe('the registry', () => {
  it('has checks with ids of their own, each in a group, each with its meaning', () => {
    const ids = CHECKS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(40);
    expect(new Set(CHECKS.map(groupOf))).toEqual(new Set(GROUPS));
    for (const { title, meaning } of CHECKS) {
      expect(title).toMatch(/^[A-Z].*[^.]$/);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('is what docs/doctor.md lists', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/doctor.md'), 'utf8');
    const rows = CHECKS.map(({ id, title, meaning }) => `| \`${id}\` | ${title} | ${meaning} |`);
    expect(page.split('\n').filter((line) => line.startsWith('| `'))).toEqual(rows);
  });
});

describe('what cannot be told', () => {
  it('is unknown, and says why', async () => {
    const answer = await told(async () => {
      throw new PitrError({ kind: 'failed', code: 'x', message: 'no answer', next: ['pitr ping db1'] });
    });
    expect(flawsOf(answer, 'db1', () => [])).toEqual([
      { severity: 'unknown', host: 'db1', text: 'cannot tell: no answer', mend: ['pitr ping db1'] },
    ]);
    expect(unproved(answer, 'db1', [])).toMatchObject([{ severity: 'unknown' }]);
  });

  it('is no refusal: what was refused was told', async () => {
    const answer = await told(async () => {
      throw new PitrError({ kind: 'refused', code: 'x', message: 'no' });
    });
    expect(unproved(answer, 'db1', [])).toMatchObject([{ severity: 'critical', text: 'no' }]);
  });

  it('is an answer that cannot be read', async () => {
    const answer = await told(async () => JSON.parse('{') as string);
    expect(flawsOf(answer, undefined, () => [])).toMatchObject([{ severity: 'unknown' }]);
  });

  it('is not an interruption', async () => {
    const stopped = new PitrError({ kind: 'interrupted', code: 'interrupted', message: 'stopped' });
    await expect(told(() => Promise.reject(stopped))).rejects.toBe(stopped);
  });

  /** What the inventory and this machine tell by themselves. */
  const OF_THE_INVENTORY = ['inventory.variables', 'inventory.barman', 'secrets.here'];

  it.each([
    ['where the inventory does not say where Barman is', undefined],
    ["where Barman's host is not reached", barmanUnseen('barman')],
  ])('is never ok, of no check, %s', (_, barman) => {
    const nodes = ['db1', 'db2'].map((name) => unknownNode(name, UNSEEN, UNSEEN));
    const facts = { ...NOTHING_SEEN, nodes, barman };
    const ok = CHECKS.filter((check) => examine(check, facts).some(({ severity }) => severity === 'ok'));
    expect(ok.map(({ id }) => id).filter((id) => !OF_THE_INVENTORY.includes(id))).toEqual([]);
  });
});

it.each([
  [['ok', 'warning', 'unknown', 'critical'], 'critical'],
  [['ok', 'warning', 'unknown'], 'unknown'],
  [['ok', 'warning'], 'warning'],
  [['ok'], 'ok'],
  [[], 'ok'],
] as const)('the worst of %j is %s', (severities, expected) => {
  expect(worst(severities)).toBe(expected);
});

it('a clock is known to within half of the round trip', () => {
  expect(readClock('1003.500000000', '+0100 CET', 1_000_000, 1_001_000)).toEqual({
    aheadMs: 3000,
    withinMs: 500,
    offset: '+0100',
    zone: 'CET',
  });
  expect(() => readClock('', '', 0, 0)).toThrow('clock');
});
