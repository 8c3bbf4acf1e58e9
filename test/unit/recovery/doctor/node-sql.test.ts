import { expect, it } from 'vitest';
import { parseNodeSql } from '../../../../lib/recovery/doctor/node-sql.ts';
import { sqlAnswer } from './sql-answer.ts';

const errorsOf = (...errors: readonly object[]) =>
  parseNodeSql(sqlAnswer({ file_errors: errors })).file_errors;

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
});

it('a wrong line is told with its place', () => {
  expect(errorsOf(TAKEN_OUT, NONSENSE)).toEqual([
    'nonsense (/data/postgresql.conf line 822): unrecognized configuration parameter',
  ]);
});

it('an error of a file without a line is told too', () => {
  expect(errorsOf(UNREADABLE)).toEqual(['could not open file "/data/postgresql.conf"']);
});
