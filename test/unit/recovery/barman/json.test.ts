import { describe, expect, it } from 'vitest';
import { inRecovery, parseCheckReport, parseServerList } from '../../../../lib/recovery/barman/json.ts';
import { fixture } from './fixture.ts';

describe("Barman's JSON", () => {
  it('of check tells each check of each server', () => {
    const report = parseCheckReport(fixture('check.json'));
    expect([...(report?.keys() ?? [])]).toEqual(['db1', 'db3']);
    expect(report?.get('db1')?.find(({ name }) => name === 'ssh')).toEqual({
      name: 'ssh',
      ok: true,
      hint: 'PostgreSQL server',
    });
    expect(
      report
        ?.get('db3')
        ?.filter(({ ok }) => !ok)
        .map(({ name }) => name),
    ).toContain('wal_archive');
  });

  it('of list-server names the servers', () => {
    expect(parseServerList(fixture('list-server.json'))).toEqual(['db1', 'db2', 'db3', 'db4']);
    expect(parseServerList('{}')).toEqual([]);
  });

  it('with words of warning among the servers is read all the same', () => {
    const text = `{"_WARNING": ["No backup strategy set for server 'one'"], "one": {"description": "a server"}}`;
    expect(parseServerList(text)).toEqual(['one']);
    expect(
      parseCheckReport(`{"_ERROR": ["Unknown server 'x'"], "one": {"ssh": {"status": "OK"}}}`)?.size,
    ).toBe(1);
  });

  it('of show-server tells a standby, a leader, and that Barman does not know', () => {
    expect(inRecovery('{"db1": {"is_in_recovery": true, "active": true}}', 'db1')).toBe(true);
    expect(inRecovery('{"db1": {"is_in_recovery": false}}', 'db1')).toBe(false);
    expect(inRecovery('{"db1": {"is_in_recovery": null}}', 'db1')).toBeUndefined();
    expect(inRecovery('ERROR', 'db1')).toBeUndefined();
  });

  it.each(['', 'Traceback (most recent call last):', '[]', 'null', '{"db1": 3}'])(
    '%j is not taken for one',
    (text) => {
      expect(parseServerList(text)).toBeUndefined();
      expect(parseCheckReport(text)).toBeUndefined();
    },
  );
});
