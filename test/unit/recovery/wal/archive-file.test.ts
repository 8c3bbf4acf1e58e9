import { describe, expect, it } from 'vitest';
import { parseArchiveFileName } from '../../../../lib/recovery/wal/archive-file.ts';

describe('a file name in a WAL archive', () => {
  it.each([
    ['0000000100000000000000C8', { kind: 'segment', segment: '0000000100000000000000C8' }],
    ['000000010000000000000089.partial', { kind: 'partial', segment: '000000010000000000000089' }],
    ['00000002.history', { kind: 'history', timeline: 2 }],
    ['000000010000000000000003.00000028.backup', { kind: 'label', segment: '000000010000000000000003' }],
  ])('%s is recognised', (name, expected) => {
    expect(parseArchiveFileName(name)).toEqual(expected);
  });

  it.each([
    'xlog.db',
    '.100-000000010000000000000001',
    '000000010000000000000001.tmp',
    '00000001000000000000000',
    '00000001000000000000000g',
    '000000000000000000000001',
    '00000000.history',
    '000000010000000000000001\n',
  ])('%j is not taken for one', (name) => {
    expect(parseArchiveFileName(name)).toBeUndefined();
  });
});
