import { printable } from './text.ts';

export interface Column<R> {
  readonly title: string;
  readonly value: (row: R) => string;
  readonly align?: 'left' | 'right';
}

/** Lines of a table with a heading; columns as wide as their widest cell, two blanks between, none at the end. */
export function table<R>(columns: readonly Column<R>[], rows: readonly R[]): string[] {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((c) => oneCell(c.value(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => (line[index] ?? '').length)));
  return cells.map((line) =>
    line
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Hosts and journals of others have said what is in it: on its line, and with its blanks, for it may be a path. */
function oneCell(text: string): string {
  return printable(text).replaceAll(/[\n\t\u2028\u2029]/g, ' ');
}
