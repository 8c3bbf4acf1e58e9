import type { Cost } from './measure.ts';

/** One line of the result. */
export interface Row {
  readonly what: string;
  readonly hosts: number;
  readonly pitr: Cost;
  /** The bare program; for start-up, bare node. */
  readonly bare: Cost | undefined;
  readonly ansible: Cost | undefined;
}

const HEAD = ['what', 'hosts', 'pitr', 'memory', 'bare', 'pitr/bare', 'ansible', 'ansible/pitr'];

/** The results as text: times in seconds, peers as ratios. */
export function table(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.map(line)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  return cells
    .map(
      (row) =>
        `${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}\n`,
    )
    .join('');
}

function line({ what, hosts, pitr, bare, ansible }: Row): readonly string[] {
  return [
    what,
    hosts === 0 ? '-' : String(hosts),
    seconds(pitr),
    `${Math.round(pitr.mib)} MiB`,
    bare === undefined ? '-' : seconds(bare),
    bare === undefined ? '-' : ratio(pitr, bare),
    ansible === undefined ? '-' : seconds(ansible),
    ansible === undefined ? '-' : ratio(ansible, pitr),
  ];
}

function seconds({ ms }: Cost): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function ratio(a: Cost, b: Cost): string {
  return `${(a.ms / b.ms).toFixed(1)}x`;
}
