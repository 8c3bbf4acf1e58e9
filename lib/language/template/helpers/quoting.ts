import { quote } from '../../../transport/quote.ts';
import { type Helper, HelperFailure, textOf } from '../helper.ts';

// The three quotings of PostgreSQL are not one another: a backslash is nothing in a standard SQL literal and an escape
// in a configuration file. ALTER SYSTEM writes its values as `pgconf` does.

function withoutNul(value: unknown): string {
  const text = textOf(value, 'the argument');
  if (text.includes('\0')) throw new HelperFailure('the text holds a NUL character');
  return text;
}

function configurationString(value: unknown): string {
  const text = withoutNul(value);
  if (/[\r\n]/.test(text)) throw new HelperFailure('a setting cannot hold a line break');
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

function sqlLiteral(value: unknown): string {
  const text = withoutNul(value).replaceAll("'", "''");
  return text.includes('\\') ? `E'${text.replaceAll('\\', '\\\\')}'` : `'${text}'`;
}

export const QUOTING_HELPERS: readonly Helper[] = [
  {
    name: 'quote',
    summary: 'A text as one word of a shell command; a list as its words.',
    usage: '(quote text)',
    example: { template: 'cat {{quote path}}', context: { path: "it's here" }, gives: "cat 'it'\\''s here'" },
    min: 1,
    max: 1,
    run: ([value]) =>
      Array.isArray(value)
        ? value.map((word) => quote(withoutNul(word))).join(' ')
        : quote(withoutNul(value)),
  },
  {
    name: 'pgconf',
    summary: 'A text as a value in postgresql.conf and postgresql.auto.conf, quotes around it.',
    usage: '(pgconf text)',
    example: {
      template: 'restore_command = {{pgconf c}}',
      context: { c: "cp '/a/%f' %p" },
      gives: "restore_command = 'cp ''/a/%f'' %p'",
    },
    min: 1,
    max: 1,
    run: ([value]) => configurationString(value),
  },
  {
    name: 'pgquote',
    summary: 'A text as an SQL literal, quotes around it.',
    usage: '(pgquote text)',
    example: { template: 'SELECT {{pgquote name}}', context: { name: "O'Hara" }, gives: "SELECT 'O''Hara'" },
    min: 1,
    max: 1,
    run: ([value]) => sqlLiteral(value),
  },
  {
    name: 'pgident',
    summary: 'A text as an SQL identifier (a table, a column, a role), quotes around it.',
    usage: '(pgident text)',
    example: {
      template: 'SELECT count(*) FROM {{pgident table}}',
      context: { table: 'Orders' },
      gives: 'SELECT count(*) FROM "Orders"',
    },
    min: 1,
    max: 1,
    run: ([value]) => `"${withoutNul(value).replaceAll('"', '""')}"`,
  },
];
