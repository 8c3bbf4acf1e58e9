import { expect, it } from 'vitest';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import type { Facts, NodeFacts } from '../../../../lib/recovery/doctor/facts.ts';
import { examine } from '../../../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';
import { STOCK } from './stock.ts';

const OWN_ID = STOCK.servers[0]?.backups[0]?.systemId;

/** What is told three days after the only backup, where servers of these names have these policies. */
function told(
  policies: Readonly<Record<string, string | undefined>>,
  systemIds: Readonly<Record<string, string | undefined>> = {},
): readonly string[] {
  const own = {
    ...unknownNode('db1', NOT_ASKED, NOT_ASKED),
    instance: { value: { control: { systemId: OWN_ID } } },
  } as NodeFacts;
  const servers = STOCK.servers.flatMap((server) =>
    Object.entries(policies).map(([name, policy]) => ({
      ...server,
      name,
      systemId: systemIds[name],
      retention: { policy, minimum: 0 },
      backups: server.backups.filter((backup) => backup.server === name),
    })),
  );
  const facts: Facts = {
    now: Date.parse('2026-11-25T16:00:00Z'),
    nodes: [own],
    barman: {
      place: { name: 'barman', user: 'barman', lockDirectory: '' },
      reached: NOT_ASKED,
      look: NOT_ASKED,
      stock: { value: { ...STOCK, servers } },
      checks: NOT_ASKED,
      errors: NOT_ASKED,
      access: {},
      lock: NOT_ASKED,
      files: NOT_ASKED,
      logins: NOT_ASKED,
    },
    variableFlaws: [],
    dynamic: NOT_ASKED,
    controller: { secrets: [], drills: NOT_ASKED },
    inventoryOptions: '',
  };
  return CHECKS.filter(({ id }) => id === 'backups.retention')
    .flatMap((check) => examine(check, facts))
    .map(({ severity, text = '' }) => `${severity}: ${text}`);
}

const ALONE =
  'the oldest whole backup, 20261122T155813 of db1, is 3 days old, and every moment of 7 days is to be within reach';

it.each([
  [{ db1: undefined }, ['ok: ']],
  [{ db1: 'RECOVERY WINDOW OF 3 DAYS' }, ['ok: ']],
  [
    { db1: 'RECOVERY WINDOW OF 1 WEEK' },
    [`warning: ${ALONE} (retention_policy of db1: RECOVERY WINDOW OF 1 WEEK)`],
  ],
  [
    { db1: 'REDUNDANCY 2' },
    ['warning: there is 1 whole backup, and there are to be 2 (retention_policy of db1: REDUNDANCY 2)'],
  ],
  // A server without a backup of its own: a recovery starts from the one of the other.
  [{ db1: undefined, db2: 'REDUNDANCY 1' }, ['ok: ']],
  [
    { db1: 'RECOVERY WINDOW OF 7 DAYS', db2: 'RECOVERY WINDOW OF 7 DAYS' },
    [`warning: ${ALONE} (retention_policy of db1, db2: RECOVERY WINDOW OF 7 DAYS)`],
  ],
])('policies %j: %j', (policies, expected) => {
  expect(told(policies)).toEqual(expected);
});

it('nothing is told of what another cluster was promised, whose server is read beside the own ones', () => {
  expect(OWN_ID).toBeDefined();
  const policies = { db1: 'RECOVERY WINDOW OF 3 DAYS', billing: 'RECOVERY WINDOW OF 90 DAYS' };
  expect(told(policies, { db1: OWN_ID, billing: '1' })).toEqual(['ok: ']);
  expect(told(policies, { db1: OWN_ID })).toEqual([expect.stringContaining('(retention_policy of billing:')]);
});
