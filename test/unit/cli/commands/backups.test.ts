import { describe, expect, it } from 'vitest';
import { backupLines } from '../../../../cli/commands/backups.ts';
import { viewSettings } from '../../../../cli/display/choose.ts';
import { Sink } from '../support/screen.ts';

const BACKUPS = [
  {
    id: '20260123T120000',
    server: 'db1',
    status: 'DONE',
    size_bytes: 35_966_156,
    ranges: [
      {
        timeline: 1,
        from: '2026-01-23 12:00:14.120441+00',
        to: '2026-01-24 00:10:59.999999+00',
        gaps: [{ first: '000000010000000000000006', last: '000000010000000000000006', segments: 1 }],
      },
      {
        timeline: 2,
        from: '2026-01-23 18:00:00+00',
        to: '2026-01-23 20:00:00+00',
        gaps: [],
        origin: { timeline: 1, by: 'recovery' },
      },
    ],
  },
  {
    id: '20260123T110000',
    server: 'db1',
    status: 'DONE',
    size_bytes: 512,
    ranges: [{ timeline: 1, from: '2026-01-23 11:00:14+00', to: '2026-01-23 11:00:14.9+00', gaps: [] }],
  },
  { id: '20260122T120000', server: 'db2', status: 'FAILED', ranges: [] },
];

function shown(width: number): string {
  const view = viewSettings(
    { noColor: true, verbosity: 0, diff: false },
    { stdout: new Sink(width, true), env: {} },
  );
  return backupLines(BACKUPS, { view, width }).join('\n');
}

describe('pitr backups', () => {
  it('shows whole seconds that are inside the range, so that they can be typed as a target', () => {
    expect(shown(100)).toMatchInlineSnapshot(`
      "BACKUP           SERVER  STATUS       SIZE  TL  FROM                    TO (UTC)
      20260123T120000  db1     DONE     34.3 MiB   1  2026-01-23 12:00:15     2026-01-24 00:10:59
        WAL is missing after that: 000000010000000000000006
      20260123T120000  db1     DONE     34.3 MiB   2  2026-01-23 18:00:01     2026-01-23 20:00:00
      20260123T110000  db1     DONE    512 bytes   1  2026-01-23 11:00:14+00  2026-01-23 11:00:14.9+00
      20260122T120000  db2     FAILED          -   -  -                       -"
    `);
  });

  it('takes two lines a backup on a narrow terminal', () => {
    expect(shown(60)).toMatchInlineSnapshot(`
      "20260123T120000  db1  DONE  34.3 MiB
        timeline 1: from 2026-01-23 12:00:15 to 2026-01-24 00:10:59 UTC
        WAL is missing after that: 000000010000000000000006
      20260123T120000  db1  DONE  34.3 MiB
        timeline 2: from 2026-01-23 18:00:01 to 2026-01-23 20:00:00 UTC
      20260123T110000  db1  DONE  512 bytes
        timeline 1: from 2026-01-23 11:00:14+00 to 2026-01-23 11:00:14.9+00 UTC
      20260122T120000  db2  FAILED  -
        cannot be recovered"
    `);
  });
});
