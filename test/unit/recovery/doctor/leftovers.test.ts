import { describe, expect, it } from 'vitest';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import type { Facts, NodeFacts } from '../../../../lib/recovery/doctor/facts.ts';
import { examine } from '../../../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';
import type { InstanceState } from '../../../../lib/recovery/postgres/instance.ts';

const SILENT: NodeFacts['cluster'] = { unknown: 'Patroni does not answer', next: [] };

const led = (leader: string): NodeFacts['cluster'] => ({
  value: {
    source: 'node',
    leader,
    members: { [leader]: { name: leader, role: 'leader', state: 'running' } },
  },
});

interface Case {
  readonly names: readonly string[];
  readonly cluster: NodeFacts['cluster'];
  readonly instance?: Partial<InstanceState>;
}

/** What is found of files in the data directory of db2. */
function found({ names, cluster, instance = {} }: Case) {
  const node: NodeFacts = {
    ...unknownNode('db2', NOT_ASKED, NOT_ASKED),
    cluster,
    host: {
      value: {
        clock: { aheadMs: 0, withinMs: 0, offset: '+0000', zone: 'UTC' },
        missingTools: [],
        space: { device: '/dev/x', mount: '/', sizeBytes: 1, freeBytes: 1 },
        names: new Set(names),
        secrets: [],
        secretsUnseen: [],
      },
    },
    instance: { value: { data: 'present', running: true, mode: 'open', ...instance } },
  };
  const facts: Facts = {
    now: 0,
    nodes: [node],
    variableFlaws: [],
    dynamic: NOT_ASKED,
    controller: { secrets: [], drills: NOT_ASKED },
    inventoryOptions: '',
  };
  return CHECKS.filter(({ id }) => id === 'leftovers.data')
    .flatMap((check) => examine(check, facts))
    .map(({ severity, text = '', mend = [] }) => ({ severity, text, mend: mend.join() }));
}

const of = (given: Case): readonly string[] => found(given).map(({ severity }) => severity);

describe('a standby.signal in a data directory', () => {
  const names = ['standby.signal'];

  it('is what a replica has', () => {
    expect(of({ names, cluster: led('db1') })).toEqual(['ok']);
  });

  it('is left over on a node that leads', () => {
    expect(of({ names, cluster: led('db2') })).toEqual(['critical']);
  });

  it('is not known to be left over where nobody leads, and its removal is not advised', () => {
    for (const instance of [{}, { running: false, role: 'recovering' }, { role: 'primary' }] as const) {
      const flaws = found({ names, cluster: SILENT, instance });
      expect(flaws).toMatchObject([{ severity: 'unknown' }]);
      expect(JSON.stringify(flaws)).not.toMatch(/remove|rm /);
    }
  });

  it('is what a replica has also where nobody leads', () => {
    expect(of({ names, cluster: SILENT, instance: { role: 'recovering' } })).toEqual(['ok']);
  });
});

it('what only a recovery leaves is told also where nobody leads, by itself', () => {
  const flaws = found({ names: ['standby.signal', 'recovery.signal', 'barman_wal'], cluster: SILENT });
  expect(flaws.map(({ severity }) => severity)).toEqual(['critical', 'unknown']);
  expect(flaws[0]?.text).toMatch(/^recovery.signal, barman_wal in the data directory/);
  expect(flaws[0]?.mend).not.toContain('standby.signal');
});
