import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  effectiveSettings,
  parseConfLine,
  quoteConf,
  replaceSettings,
} from '../../../../lib/recovery/postgres/conf-file.ts';

describe('a configuration value', () => {
  it('comes back from its quoted form, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        fc.pre(!value.includes('\0'));
        const line = `restore_command = ${quoteConf(value)}  # comment`;
        expect(line.split('\n')).toHaveLength(1);
        expect(parseConfLine(line)).toEqual({ name: 'restore_command', value });
      }),
    );
  });

  it('cannot hold a NUL', () => {
    expect(() => quoteConf('a\0b')).toThrow(RangeError);
  });
});

describe('a line of a configuration file', () => {
  it.each([
    ["work_mem = '7MB'", 'work_mem', '7MB'],
    ['  Work_Mem=7MB # why', 'work_mem', '7MB'],
    ['work_mem 7MB', 'work_mem', '7MB'],
    ["a.b = 'it''s'", 'a.b', "it's"],
    ["a.b = 'it\\'s'", 'a.b', "it's"],
    ["x = 'a\\134b\\n'", 'x', 'a\\b\n'],
    ["search_path = ''", 'search_path', ''],
  ])('%s', (line, name, value) => {
    expect(parseConfLine(line)).toEqual({ name, value });
  });

  it.each([
    '',
    '# work_mem = 1',
    "include 'postgresql.base.conf'",
    "include_dir 'conf.d'",
    "x = 'open",
    '= 1',
  ])('that is no setting: %s', (line) => {
    expect(parseConfLine(line)).toBeUndefined();
  });
});

describe('a configuration file', () => {
  it('counts the last of several settings of one name', () => {
    expect(effectiveSettings("port = 1\nPORT = '2'\n").get('port')).toBe('2');
  });

  it('keeps every other byte when a setting is replaced, and the old line as a comment', () => {
    const text = "# head\nhba_file = '/a/pg_hba.conf' # x\n\nport=5431";
    const wanted = new Map([['hba_file', "/b/it's"]]);
    const once = replaceSettings(text, wanted);
    expect(once).toBe("# head\n#PITR#hba_file = '/a/pg_hba.conf' # x\nhba_file = '/b/it''s'\n\nport=5431");
    expect(replaceSettings(once, wanted)).toBe(once);
  });
});
