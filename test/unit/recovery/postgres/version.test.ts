import { expect, it } from 'vitest';
import { isolationSettings, runFiles } from '../../../../lib/recovery/postgres/isolation.ts';
import {
  majorOfData,
  OLDEST_RECOVERED,
  POSTGRES_DIFFERENCES,
  postgresAbilities,
} from '../../../../lib/recovery/postgres/version.ts';

it.each([
  [12, false, false, true, false],
  [13, false, false, true, true],
  [14, false, true, true, true],
  [15, true, true, true, true],
  [16, true, true, false, true],
  [17, true, true, false, true],
  [18, true, true, false, true],
])(
  'PostgreSQL %i: archive_library %s, state of a pause %s, promote_trigger_file %s, promoted while paused %s',
  (major, ...has) => {
    const [archiveLibrary, pauseState, promoteTriggerFile, promotesWhilePaused] = has;
    expect(postgresAbilities(major)).toEqual({
      archiveLibrary,
      pauseState,
      promoteTriggerFile,
      promotesWhilePaused,
    });
    const settings = new Map(isolationSettings(runFiles('/data'), major));
    expect(settings.has('archive_library')).toBe(archiveLibrary);
    // A file that lies there already would promote what shall stand still at its target.
    expect(settings.get('promote_trigger_file')).toBe(promoteTriggerFile ? '' : undefined);
  },
);

it('data of which nobody can tell the version is not started isolated', () => {
  expect(majorOfData(13, '/data', 'db1')).toBe(13);
  expect(() => majorOfData(undefined, '/data', 'db1')).toThrow(
    expect.objectContaining({ kind: 'refused', code: 'data-version-unknown', host: 'db1' }),
  );
});

it('each line of the table says from or until when, and who says so', () => {
  for (const [name, { since, until, source }] of Object.entries(POSTGRES_DIFFERENCES)) {
    expect(since ?? until, name).toBeGreaterThan(OLDEST_RECOVERED);
    expect(source, name).toContain('PostgreSQL');
  }
});
