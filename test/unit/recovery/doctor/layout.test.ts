import { expect, it } from 'vitest';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import { examine } from '../../../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';
import type { Layout } from '../../../../lib/recovery/postgres/layout.ts';

const PLAIN: Layout = {
  ...{ mount_point: false, has_data: true, wal_mount_point: false },
  ...{ tablespaces: [], tablespace_oids: [], fixed: [] },
};

/** How that is mended which a check finds of a node with this layout. */
function mends(id: string, layout: Partial<Layout>): readonly string[] {
  return CHECKS.filter((check) => check.id === id)
    .flatMap((check) =>
      examine(check, {
        now: 0,
        nodes: [{ ...unknownNode('db1', NOT_ASKED, NOT_ASKED), layout: { value: { ...PLAIN, ...layout } } }],
        variableFlaws: [],
        dynamic: NOT_ASKED,
        controller: { secrets: [], drills: NOT_ASKED },
        inventoryOptions: '',
      }),
    )
    .flatMap(({ mend = [] }) => mend);
}

it.each([
  ['layout.mount-point', { data_closed: '/', data_closed_of_system: true }],
  ['layout.wal-mount-point', { wal: '/pg_wal', wal_closed: '/', wal_closed_of_system: true }],
])('nobody is told to give a directory of the system away: %s', (id, layout) => {
  const ways = mends(id, layout);
  expect(ways.join()).not.toContain('chown');
  expect(ways).toEqual([
    expect.stringContaining('Leave / to root'),
    expect.stringContaining('one directory deeper'),
    expect.stringContaining('prepare.yml'),
  ]);
});

it('a directory that is none of the system can be given to the owner of the data', () => {
  expect(mends('layout.mount-point', { data_closed: '/pgdata', data_closed_of_system: false })[0]).toContain(
    'pitr exec db1 -- chown postgres /pgdata',
  );
});
