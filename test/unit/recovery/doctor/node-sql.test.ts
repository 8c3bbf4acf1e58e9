import { expect, it } from 'vitest';
import { parseNodeSql } from '../../../../lib/recovery/doctor/node-sql.ts';

/** An answer of PostgreSQL; `errors` are rows of pg_file_settings. */
function answer(errors: readonly object[]): string {
  return JSON.stringify({
    in_recovery: false,
    replay_paused: false,
    receiving: null,
    version: 150_018,
    system_id: '1',
    settings: {},
    pending: ['track_activity_query_size'],
    restart: {},
    archived: { last: null, seconds_ago: null, failed: null, failing: false },
    ready: 0,
    slots: [],
    hba_errors: [],
    file_errors: errors,
    tablespaces: [],
    bytes: 1,
  });
}

const errorsOf = (...errors: readonly object[]) => parseNodeSql(answer(errors)).file_errors;

// As PostgreSQL 15 has told them.
const TAKEN_OUT = {
  name: null,
  sourcefile: null,
  sourceline: null,
  error: 'parameter "track_activity_query_size" cannot be changed without restarting the server',
};
const NONSENSE = {
  name: 'nonsense',
  sourcefile: '/data/postgresql.conf',
  sourceline: 822,
  error: 'unrecognized configuration parameter',
};
const UNREADABLE = {
  name: null,
  sourcefile: null,
  sourceline: null,
  error: 'could not open file "/data/postgresql.conf"',
};

it('a line that was taken out and waits for a restart hides nothing of a node, and is no error of a file', () => {
  expect(errorsOf(TAKEN_OUT)).toEqual([]);
  expect(parseNodeSql(answer([TAKEN_OUT])).pending).toEqual(['track_activity_query_size']);
});

it('a wrong line is told with its place', () => {
  expect(errorsOf(TAKEN_OUT, NONSENSE)).toEqual([
    'nonsense (/data/postgresql.conf line 822): unrecognized configuration parameter',
  ]);
});

it('an error of a file without a line is told too', () => {
  expect(errorsOf(UNREADABLE)).toEqual(['could not open file "/data/postgresql.conf"']);
});
