import { describe, expect, it } from 'vitest';
import { statementFlaw } from '../../../../lib/recovery/postgres/one-statement.ts';
import { rowsStatement } from '../../../../lib/recovery/postgres/query-result.ts';

describe('one statement', () => {
  it.each([
    'select 1',
    "select ';)' || E'\\';)' || $$;)$$ || $x$ $$;) $x$ as \"a;)\"\"b\"",
    'select 1 -- ; )\n',
    'select /* ; /* ) */ ; */ (1)',
    "select 'it''s;' as e, e';' , name$1 from t$a$ where x = $1",
  ])('is %s', (sql) => {
    expect(statementFlaw(sql)).toBeUndefined();
  });

  it.each([
    ['select 1; drop table x', 'more than one'],
    ['select 1) as x; select (1', 'not opened'],
    ["select '\\'; drop table x --'", 'more than one'],
    ['select (1', 'not closed'],
    ["select 'a", 'no end'],
    ['select $a$ x $b$', 'no end'],
    ['select /* /* */ 1', 'no end'],
  ])('is not %s', (sql, words) => {
    expect(statementFlaw(sql)).toContain(words);
  });

  it.each(['explain analyze select 1', 'EXPLAIN (costs, ANALYSE) select 1', 'show x; select 1'])(
    'that only reads is not %s',
    (sql) => {
      expect(() => rowsStatement(sql)).toThrow('not one statement that reads');
    },
  );

  it('may explain a table called analyzed', () => {
    expect(rowsStatement('explain select * from analyzed').format).toBe('lines');
  });
});
