import { describe, expect, it } from 'vitest';
import { positionProbe } from '../../../../lib/recovery/patroni/history-evidence.ts';
import { readOnlySession, writingArguments } from '../../../../lib/recovery/postgres/sql.ts';

const target = { pgdata: '/data', bin: '/bin', user: 'postgres' };

/** What PostgreSQL makes of PGOPTIONS: words at spaces, but for those behind a backslash (`pg_split_opts`). */
function settingsIn(options: string): ReadonlyMap<string, string> {
  const words = options
    .match(/(?:\\.|[^\s\\])+/g)
    ?.map((word) => word.replace(/\\(.)/g, '$1'))
    .filter((word) => word !== '-c');
  return new Map(
    words?.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const),
  );
}

describe('a session', () => {
  it('is never serializable, which a standby refuses, whatever the cluster says', () => {
    const looks = settingsIn(readOnlySession(target, ['select 1']).argv[10] ?? '');
    expect(Object.fromEntries(looks)).toEqual({
      default_transaction_read_only: 'on',
      default_transaction_isolation: 'read committed',
      statement_timeout: '5000',
      lock_timeout: '3000',
    });
    const [, options = ''] = /PGOPTIONS='([^']*)'/.exec(positionProbe(target).argv[2] ?? '') ?? [];
    expect(settingsIn(options).get('default_transaction_isolation')).toBe('read committed');
  });

  it('that writes knows no limit but our own deadline: a checkpoint takes longer than statements of clients', () => {
    const writes = settingsIn(writingArguments(target, ['checkpoint'])[6] ?? '');
    expect(Object.fromEntries(writes)).toEqual({
      default_transaction_isolation: 'read committed',
      statement_timeout: '0',
      lock_timeout: '0',
    });
  });
});
