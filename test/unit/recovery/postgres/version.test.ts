import { expect, it } from 'vitest';
import { isolationSettings, runFiles } from '../../../../lib/recovery/postgres/isolation.ts';
import { postgresAbilities } from '../../../../lib/recovery/postgres/version.ts';

it.each([
  [12, false, false],
  [13, false, false],
  [14, false, true],
  [15, true, true],
  [18, true, true],
])('PostgreSQL %i: archive_library %s, state of a pause %s', (major, archiveLibrary, pauseState) => {
  expect(postgresAbilities(major)).toEqual({ archiveLibrary, pauseState });
  const names = isolationSettings(runFiles('/data'), major).map(([name]) => name);
  expect(names.includes('archive_library')).toBe(archiveLibrary);
});
