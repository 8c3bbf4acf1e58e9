import { expect, it } from 'vitest';
import { NO_PAINT } from '../../../../cli/display/paint.ts';
import { findingLines } from '../../../../cli/doctor/report.ts';
import type { Finding } from '../../../../lib/recovery/doctor/finding.ts';

it('a fault of several hosts is told once, with the command that mends it on each', () => {
  const finding = (host: string): Finding => ({
    check: 'tools.node',
    group: 'tools',
    title: 'The node has all programs',
    severity: 'critical',
    host,
    text: 'rsync is missing',
    meaning: 'A recovery fails.',
    mend: ['Install it:', `pitr exec ${host} -- apt-get install -y rsync`],
  });
  expect(findingLines([finding('db1'), finding('db2')], { paint: NO_PAINT, columns: 80 })).toEqual([
    '',
    'CRITICAL  tools.node on db1, db2',
    '  Found   rsync is missing.',
    '  Means   A recovery fails.',
    '  Mend    Install it:',
    '          pitr exec db1 -- apt-get install -y rsync',
    '          pitr exec db2 -- apt-get install -y rsync',
  ]);
});
