import { type Cost, median } from './measure.ts';

/** Who is measured: pitr, a bare program (for start-up, bare Node), Ansible. */
export type Peer = 'pitr' | 'bare' | 'ansible';

/** One line of the result. */
export interface Row {
  readonly what: string;
  readonly hosts: number;
  /** Each one's costs, in the order of the rounds. */
  readonly costs: Readonly<Partial<Record<Peer, readonly Cost[]>>>;
}

const HEAD = ['what', 'hosts', 'pitr', 'memory', 'bare', 'pitr/bare', 'min-max', 'ansible', 'ansible/pitr'];

/**
 * The results as text: medians in seconds; the ratios are medians of those of each round's pair, with the smallest and the
 * largest of them beside that to the bare program.
 */
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

function line({ what, hosts, costs: { pitr = [], bare = [], ansible = [] } }: Row): readonly string[] {
  return [
    what,
    hosts === 0 ? '-' : String(hosts),
    seconds(pitr),
    pitr.length === 0 ? '-' : `${Math.round(median(pitr.map(({ mib }) => mib)))} MiB`,
    seconds(bare),
    ratio(pitr, bare),
    range(pitr, bare),
    seconds(ansible),
    ratio(ansible, pitr),
  ];
}

function seconds(costs: readonly Cost[]): string {
  return costs.length === 0 ? '-' : `${(median(costs.map(({ ms }) => ms)) / 1000).toFixed(2)} s`;
}

function ratio(above: readonly Cost[], below: readonly Cost[]): string {
  const pairs = ratios(above, below);
  return pairs.length === 0 ? '-' : `${median(pairs).toFixed(2)}x`;
}

function range(above: readonly Cost[], below: readonly Cost[]): string {
  const pairs = ratios(above, below);
  return pairs.length === 0 ? '-' : `${Math.min(...pairs).toFixed(2)}-${Math.max(...pairs).toFixed(2)}x`;
}

/** Of each round that both took part in. */
function ratios(above: readonly Cost[], below: readonly Cost[]): readonly number[] {
  return above.flatMap(({ ms }, round) => {
    const other = below[round];
    return other === undefined ? [] : [ms / other.ms];
  });
}
