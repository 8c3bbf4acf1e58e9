import { isDeepStrictEqual } from 'node:util';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { cut } from '../../base/values/cut.ts';
import { statementFlaw } from './one-statement.ts';

export type Row = Readonly<Record<string, unknown>>;

/** How psql prints the answer: one JSON array, or CSV for statements that cannot stand in a subquery. */
export type RowFormat = 'json' | 'lines';

/**
 * The statement to send so that rows come back with their types. What returns rows as a query does is wrapped into a
 * subquery; `SHOW` and `EXPLAIN` cannot be, and come back as lines of text. Throws kind `validation` for more than one
 * statement, and for EXPLAIN ANALYZE: it runs what it explains, and lets even CREATE TABLE AS through in a read-only
 * transaction (seen with PostgreSQL 15).
 */
export function rowsStatement(sql: string): { readonly statement: string; readonly format: RowFormat } {
  const bare = sql.trim().replace(/[;\s]+$/, '');
  const body = bare.replace(/^(\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)+/, '');
  const flaw = /^explain\b[\s(].*\banaly[sz]e\b/is.test(body)
    ? 'EXPLAIN ANALYZE runs what it explains, and this is a look'
    : statementFlaw(bare);
  if (flaw !== undefined) {
    throw new PitrError({
      kind: 'validation',
      code: 'not-one-query',
      message: `the SQL is not one statement that reads: ${flaw}`,
      details: [cut(sql.trim(), 300)],
      next: ['Give one SELECT, VALUES, SHOW or EXPLAIN; core.command with psql is for everything else.'],
    });
  }
  if (/^(show|explain)\b/i.test(body)) return { statement: bare, format: 'lines' };
  return {
    statement: `select coalesce(json_agg(to_json(answer)), '[]') from (\n${bare}\n) as answer`,
    format: 'json',
  };
}

/** Reads what psql printed (unaligned, tuples only). */
export function parseRows(printed: string, format: RowFormat): readonly Row[] {
  if (format === 'lines') return printed.split('\n').map((line) => ({ value: line }));
  const rows: unknown = JSON.parse(withLongNumbersAsText(printed));
  if (!Array.isArray(rows)) throw new Error(`not a list of rows: ${cut(printed, 100)}`);
  return rows as readonly Row[];
}

/** JSON in which numbers that JavaScript cannot hold exactly stand as text. */
function withLongNumbersAsText(json: string): string {
  return json.replace(
    /("(?:[^"\\]|\\.)*")|-?\d[\d.]{15,}(?:[eE][+-]?\d+)?/g,
    (token, text: string | undefined) => (text === undefined ? `"${token}"` : text),
  );
}

/** The value of an answer of one row with one column. */
export function singleValue(rows: readonly Row[]): unknown {
  const [row, ...others] = rows;
  if (row === undefined || others.length > 0) return undefined;
  const values = Object.values(row);
  return values.length === 1 ? values[0] : undefined;
}

/**
 * Whether an answer is what was expected. A list is compared with the rows (each a mapping, or a list of the values of
 * its columns, or the value itself where there is one column); anything else with the single value. `5` and `"5"` are
 * the same: numbers beyond 2^53 and numerics come as text on one side or the other.
 */
export function sameValue(rows: readonly Row[], expected: unknown): boolean {
  if (Array.isArray(expected)) {
    return rows.length === expected.length && rows.every((row, i) => sameRow(row, expected[i]));
  }
  const value = singleValue(rows);
  if (value === undefined) return false;
  return alike(value, expected);
}

function sameRow(row: Row, expected: unknown): boolean {
  const values = Object.values(row);
  if (Array.isArray(expected)) {
    return values.length === expected.length && values.every((value, i) => alike(value, expected[i]));
  }
  if (expected !== null && typeof expected === 'object') {
    const wanted = Object.entries(expected);
    return wanted.length === values.length && wanted.every(([name, value]) => alike(row[name], value));
  }
  return values.length === 1 && alike(values[0], expected);
}

function alike(value: unknown, expected: unknown): boolean {
  if (isDeepStrictEqual(value, expected)) return true;
  const plain = (one: unknown): string | undefined =>
    typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean' ? String(one) : undefined;
  const [one, other] = [plain(value), plain(expected)];
  if (one === undefined || other === undefined) return false;
  return one === other || (isShortNumber(one) && isShortNumber(other) && Number(one) === Number(other));
}

function isShortNumber(text: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(text) && text.length <= 16;
}

/** A value for a message: as one would write it in a playbook, cut where it is long. */
export function expectedWords(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return cut(text, 300);
}
