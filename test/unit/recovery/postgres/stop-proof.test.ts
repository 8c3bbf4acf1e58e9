import { describe, expect, it } from 'vitest';
import { wrongStop } from '../../../../lib/recovery/postgres/stop-proof.ts';
import { parseLsn } from '../../../../lib/recovery/wal/lsn.ts';
import { checkedTarget, targetData } from '../../../../lib/recovery/wal/target.ts';

const at = '2026-11-22 15:41:19+00';

/** PostgreSQL 15's own words. */
describe('where PostgreSQL says that it stopped', () => {
  it.each([
    [at, 'before commit of transaction 779, time 2026-11-22 15:41:20.435544+00'],
    [at, 'before abort of transaction 779, time 2026-11-22 15:41:20.435544+00'],
    [at, undefined],
    [{ time: at, inclusive: false }, `before commit of transaction 779, time ${at}`],
    [{ xid: 779 }, `after commit of transaction 779, time ${at}`],
    [{ xid: 779, inclusive: false }, `before abort of transaction 779, time ${at}`],
    [{ lsn: '0/5000060' }, 'after WAL location (LSN) "0/5000060"'],
    [{ lsn: '0/5000059', inclusive: false }, 'before WAL location (LSN) "0/5000060"'],
    [{ name: 'a, "b"' }, `at restore point "a, "b"", time ${at}`],
    [{ immediate: true }, 'after reaching consistency'],
  ])('%j agrees with: %s', (param, words) => {
    expect(
      wrongStop(checkedTarget(param), words, { lastCommit: '2026-11-22 15:41:18.494545+00' }),
    ).toBeUndefined();
  });

  it.each([
    [at, `before commit of transaction 779, time ${at}`],
    [at, 'after WAL location (LSN) "0/5000060"'],
    [{ xid: 779 }, `after commit of transaction 780, time ${at}`],
    [{ xid: 779 }, `before commit of transaction 779, time ${at}`],
    [{ lsn: '0/5000060' }, 'after WAL location (LSN) "0/4000060"'],
    [{ lsn: '0/5000060', inclusive: false }, 'after WAL location (LSN) "0/5000060"'],
    [{ name: 'a' }, `at restore point "b", time ${at}`],
    [{ immediate: true }, `at restore point "b", time ${at}`],
    ['latest', 'after reaching consistency'],
  ])('%j is not met by: %s', (param, words) => {
    expect(wrongStop(checkedTarget(param), words, {})).toContain('PostgreSQL says');
  });

  it('a later commit that was replayed speaks against a time', () => {
    expect(
      wrongStop(checkedTarget(at), undefined, { lastCommit: '2026-11-22 15:41:19.000001+00' }),
    ).toContain('later than 2026-11-22 15:41:19+00');
  });
});

describe('where the archived WAL says that it stops', () => {
  const target = checkedTarget({ time: at, stops_at: '0/5000060' });
  const words = 'before commit of transaction 779, time 2026-11-22 15:41:20.435544+00';
  const wrongAt = (lsn: string, aim = target) =>
    wrongStop(aim, words, { lastCommit: '2026-11-22 15:41:18.494545+00', lsn: parseLsn(lsn) });

  it('it stands, and all is well', () => {
    expect(wrongAt('0/5000060')).toBeUndefined();
  });

  it('it does not stand: it has stopped elsewhere, whatever else agrees', () => {
    expect(wrongAt('0/4FFFF00')).toBe(
      'replay stands at 0/4FFFF00, and by the archived WAL it had to stop at 0/5000060',
    );
  });

  it('it stands at the end of the page before, the header of which the next record comes after', () => {
    expect(wrongAt('0/5002000', checkedTarget({ time: at, stops_at: '0/5002018' }))).toBeUndefined();
    expect(wrongAt('0/5000000', checkedTarget({ time: at, stops_at: '0/5000028' }))).toBeUndefined();
    expect(wrongAt('0/5002010', checkedTarget({ time: at, stops_at: '0/5002028' }))).toBeDefined();
  });

  it('travels with the target through playbooks and notes', () => {
    expect(targetData(target)).toEqual({ time: '2026-11-22 15:41:19+00', stops_at: '0/5000060' });
  });
});
