import { describe, expect, it } from 'vitest';
import { createShop, parseRowCounts, placeOrders, tables } from '../../lab/shop.ts';

describe('the practice database', () => {
  it('is the same in every lab: nothing in it is random or depends on the clock', () => {
    expect(createShop()).toBe(createShop());
    expect(`${createShop()}${placeOrders(1, 10)}`).not.toMatch(/random|now\(\)|clock_timestamp|current_/i);
  });

  it('creates every table that is counted', () => {
    for (const table of tables) expect(createShop()).toContain(`create table ${table} (`);
  });

  it('counts a table that is gone as null, and an empty one as 0', () => {
    expect(parseRowCounts('{"payments": 0, "orders": 5, "other": 1}')).toEqual({
      customers: null,
      products: null,
      orders: 5,
      order_lines: null,
      payments: 0,
      stock_moves: null,
    });
  });
});
