import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkedTarget, targetData, targetSchema, targetWords } from '../../../../lib/recovery/wal/target.ts';

/** The codes of what is wrong; `ok` where nothing is. */
function codeOf(param: unknown): string {
  const parsed = targetSchema.safeParse(param);
  if (parsed.success) return 'ok';
  return parsed.error.issues
    .map((issue) => (issue.code === 'custom' ? String(issue.params?.code) : issue.code))
    .join(' ');
}

describe('a target', () => {
  it.each([
    ['latest', 'the end of what is archived'],
    [{}, 'the end of what is archived'],
    [
      { time: 'latest', lsn: null, xid: null, name: undefined, immediate: false },
      'the end of what is archived',
    ],
    ['2026-11-22T16:41:19+01:00', '2026-11-22 15:41:19+00'],
    [{ time: '2026-11-22 15:41:19+00', inclusive: true }, '2026-11-22 15:41:19+00'],
    [
      { time: '2026-11-22 15:41:19+00', inclusive: false },
      '2026-11-22 15:41:19+00 (what was committed at that very microsecond left out)',
    ],
    [{ time: '', lsn: '0/5000060', xid: '' }, 'after the record at position 0/5000060'],
    [{ time: '2026-11-22 15:41:19+00', lsn: '' }, '2026-11-22 15:41:19+00'],
    [{ time: 'latest', lsn: '0/5000060' }, 'after the record at position 0/5000060'],
    [{ lsn: '0/5000060', inclusive: false }, 'before the record at position 0/5000060'],
    [{ xid: 731 }, 'after the end of transaction 731'],
    [{ xid: '731', inclusive: false }, 'before the end of transaction 731'],
    [{ name: 'vor dem Löschen' }, 'restore point "vor dem Löschen"'],
    [{ immediate: true }, 'the end of the base backup'],
  ])('%j means: %s', (param, words) => {
    expect(codeOf(param)).toBe('ok');
    expect(targetWords(checkedTarget(param))).toBe(words);
  });

  it('of a transaction may have an epoch: recovery compares the lower half', () => {
    expect(checkedTarget({ xid: '4294967301' })).toEqual({ kind: 'xid', xid: 5 });
  });

  it.each([
    [{ xid: 731, lsn: '0/5000060' }, 'target-ambiguous'],
    [{ time: '2026-11-22 15:41:19+00', name: 'x' }, 'target-ambiguous'],
    [{ immediate: true, name: 'x' }, 'target-ambiguous'],
    ['2026-11-22 15:41:19', 'time-without-zone'],
    [{ time: '2026-11-22 15:41:19' }, 'time-without-zone'],
    ['', 'time-unparsable'],
    [{ time: '', lsn: null, xid: null, name: null, immediate: false, inclusive: true }, 'target-empty'],
    [{ time: 'latest', lsn: '', xid: null, name: null, immediate: false, inclusive: true }, 'target-empty'],
    [{ time: 'latest', xid: '' }, 'target-empty'],
    [{ name: '' }, 'target-empty'],
    [{ lsn: '5000060' }, 'lsn-unparsable'],
    [{ lsn: '0/0' }, 'lsn-unparsable'],
    [{ lsn: "0/5' ; drop" }, 'lsn-unparsable'],
    [{ xid: 2 }, 'xid-unparsable'],
    [{ xid: '99999999999999999999' }, 'xid-unparsable'],
    [{ xid: '12a' }, 'xid-unparsable'],
    [{ name: 'x'.repeat(64) }, 'name-unparsable'],
    [{ name: 'two\nlines' }, 'name-unparsable'],
    [{ name: 'x', inclusive: false }, 'inclusive-not-possible'],
    [{ immediate: true, inclusive: false }, 'inclusive-not-possible'],
    [{ time: 'latest', inclusive: false }, 'inclusive-not-possible'],
    [{ pos: '0/1' }, 'unrecognized_keys'],
  ])('%j is refused: %s', (param, code) => {
    expect(codeOf(param)).toBe(code);
  });

  it.each([
    [{ time: 'latest', lsn: '' }, 'or leave target_lsn out altogether'],
    [{ time: 'latest', xid: '', name: null }, 'or leave target_xid out altogether'],
    [{ time: '', lsn: null }, 'meant: latest'],
    [{ lsn: '' }, 'meant: latest'],
  ])('%j that is empty has a way on that has not been gone yet: %s', (param, way) => {
    const [issue] = targetSchema.safeParse(param).error?.issues ?? [];
    expect(issue?.code === 'custom' ? String(issue.params?.next) : '').toContain(way);
  });

  it('as data is read again as the same', () => {
    const exclusive = fc.option(fc.constant(false), { nil: undefined });
    const targets = fc.oneof(
      fc.record({
        lsn: fc.integer({ min: 1, max: 0xffff }).map((n) => `A/${n.toString(16)}`),
        inclusive: exclusive,
      }),
      fc.record({
        xid: fc.integer({ min: 3, max: 0xffff_ffff }),
        inclusive: exclusive,
        found_at: fc.constantFrom(undefined, '0/5'),
      }),
      fc.record({ name: fc.string({ minLength: 1, maxLength: 15, unit: 'grapheme-ascii' }) }),
      fc.constant({ immediate: true }),
      fc.constant('latest'),
      fc.record({ time: fc.constant('2026-11-22 15:41:19.5+00'), inclusive: exclusive }),
    );
    fc.assert(
      fc.property(targets, (param) => {
        const target = checkedTarget(param);
        const data = JSON.parse(JSON.stringify(targetData(target))) as Parameters<typeof checkedTarget>[0];
        expect(codeOf(data)).toBe('ok');
        expect(checkedTarget(data)).toEqual(target);
      }),
    );
  });
});
