import { expect, it } from 'vitest';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import type { Facts } from '../../../../lib/recovery/doctor/facts.ts';
import { examine } from '../../../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';
import { parseTried } from '../../../../lib/recovery/patroni/logins.ts';

/** What is said of a member with this one login, as its host has told it. */
function severity(login: Readonly<Record<string, unknown>>): readonly string[] {
  const tried = parseTried(JSON.stringify([{ use: 'replication', role: 'replicator', ...login }]), 'db2');
  const facts: Facts = {
    now: 0,
    nodes: [{ ...unknownNode('db2', NOT_ASKED, NOT_ASKED), logins: { value: tried } }],
    variableFlaws: [],
    dynamic: NOT_ASKED,
    controller: { secrets: [], drills: NOT_ASKED },
    inventoryOptions: '',
  };
  return CHECKS.filter(({ id }) => id === 'logins.members')
    .flatMap((check) => examine(check, facts))
    .map((finding) => finding.severity);
}

it.each([
  ['was let in', {}, 'ok'],
  ['was refused', { error: 'FATAL: no' }, 'critical'],
  ['was not tried, and is needed', { untried: 'no password', needed: true }, 'unknown'],
  ['was not tried, and nobody needs it', { untried: 'no password', needed: false }, 'ok'],
  ['was not tried, and whether it is needed is not known', { untried: 'no password' }, 'unknown'],
])('a login of a member that %s', (_, login, expected) => {
  expect(severity(login)).toEqual([expected]);
});
