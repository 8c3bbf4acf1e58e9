import { expect, it } from 'vitest';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import type { Facts } from '../../../../lib/recovery/doctor/facts.ts';
import { examine } from '../../../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import { parseNodeSql } from '../../../../lib/recovery/doctor/node-sql.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';
import { sqlAnswer } from './sql-answer.ts';

/** What is found of a node on which these settings wait for a restart. */
function found(...pending: readonly string[]) {
  const sql = parseNodeSql(sqlAnswer({ pending }));
  const facts: Facts = {
    now: 0,
    nodes: [{ ...unknownNode('db1', NOT_ASKED, NOT_ASKED), sql: { value: sql } }],
    variableFlaws: [],
    dynamic: NOT_ASKED,
    controller: { secrets: [], drills: NOT_ASKED },
    inventoryOptions: '',
  };
  return CHECKS.filter(({ id }) => id === 'settings.pending-restart')
    .flatMap((check) => examine(check, facts))
    .map(({ severity, text = '' }) => `${severity}: ${text}`);
}

it('what Patroni takes out of the file of a new leader asks for no restart', () => {
  expect(found('recovery_target_timeline', 'primary_conninfo')).toEqual(['ok: ']);
});

it('what else waits is told', () => {
  const text = 'warning: max_connections will have another value after a restart';
  expect(found('recovery_target_timeline', 'max_connections')).toEqual([text]);
});
