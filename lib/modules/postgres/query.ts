import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { defineLook } from '../../contract/module.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, seconds, sessionParams } from '../../recovery/postgres/params.ts';
import {
  expectedWords,
  parseRows,
  rowsStatement,
  sameValue,
  singleValue,
} from '../../recovery/postgres/query-result.ts';
import { programsOf, querySql, sessionTarget } from '../../recovery/postgres/sql.ts';

const params = z.strictObject({
  sql: z.string().min(1).describe('one statement that reads'),
  database: z.string().min(1).default('postgres').describe('database to ask'),
  expect: z
    .unknown()
    .optional()
    .describe('what the answer must be: one value, or a list of rows; anything else fails with both shown'),
  timeout: seconds.default(5).describe('seconds that the statement may take'),
  lock_timeout: seconds
    .default(3)
    .describe(
      'seconds that it may wait for a lock: what a paused recovery has not committed holds its locks',
    ),
  ...instanceParams,
  ...sessionParams,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Asks a database in a read-only session, and checks the answer.',
  description:
    'One statement, in a session in which the server refuses writes; what a function called in it does beside writing ' +
    '(pg_switch_wal, pg_terminate_backend) happens. The database is reached by the socket that the running instance names itself, ' +
    'so that an isolated one is found too. Numbers, booleans and nulls keep their types.',
  examples: `- postgres.query:
    sql: select count(*) from orders
    database: shop
    expect: 2000
- postgres.query:
    sql: select id, state from orders order by id limit 2
    database: shop
  register: orders   # orders.rows[0].state`,
  params,
  freeForm: 'sql',
  returns: {
    rows: 'list of mappings, column to value',
    row_count: 'how many',
    value: 'the value, where the answer is one row of one column',
  },
  dependsOn: (p: Params) => [{ kind: 'postgres', id: p.pgdata }],
  read: async (host, p) => {
    const instance = p.bin === undefined ? await host.look(postgresResource, p.pgdata) : undefined;
    const programs = instance instanceof Unknown ? undefined : instance?.programs;
    const target = { ...sessionTarget(p, programs, p.database), bin: programsOf(p, programs) };
    const limits = { statementMs: Math.round(p.timeout * 1000), lockMs: Math.round(p.lock_timeout * 1000) };
    const { statement, format } = rowsStatement(p.sql);
    const rows = parseRows(await querySql(host, target, [statement], limits), format);
    const value = singleValue(rows);
    if (p.expect !== undefined && !sameValue(rows, p.expect)) {
      throw new PitrError({
        kind: 'failed',
        code: 'unexpected-answer',
        message: `the database answers ${expectedWords(value ?? rows)}, expected ${expectedWords(p.expect)}`,
        details: [`in ${p.database}: ${p.sql.trim()}`],
        host: host.name,
      });
    }
    return { rows, row_count: rows.length, ...(value === undefined ? {} : { value }) };
  },
});
