import { expect, it } from 'vitest';
import type { Cost } from '../../bench/measure.ts';
import { table } from '../../bench/table.ts';

const costs = (...seconds: readonly number[]): readonly Cost[] =>
  seconds.map((second) => ({ ms: second * 1000, mib: 80 }));

it('a ratio is that of the pairs of the rounds, told with the smallest and the largest of them', () => {
  const start = { pitr: costs(1, 1, 1), bare: costs(1, 1, 1) };
  const commands = { pitr: costs(1, 4, 3), bare: costs(1, 2, 2), ansible: costs(20) };
  const rows = [
    { what: 'pitr --version', hosts: 0, costs: start },
    { what: '20 trivial commands', hosts: 5, costs: commands },
  ];
  expect(table(rows)).toMatchInlineSnapshot(`
    "what                 hosts    pitr  memory    bare  pitr/bare     min-max  ansible  ansible/pitr
    pitr --version           -  1.00 s  80 MiB  1.00 s      1.00x  1.00-1.00x        -             -
    20 trivial commands      5  3.00 s  80 MiB  2.00 s      1.50x  1.00-2.00x  20.00 s        20.00x
    "
  `);
});
