import { outageOf, partsOfOutage } from './outage.ts';
import { eventsOf, phasesOf, timesOf } from './phases.ts';
import { BASE, type Raw } from './raw.ts';

/** What the bench has measured. */
export interface Measured {
  /** The events of the recovery, and of the second one where there was one. */
  readonly recoveries: readonly (readonly string[])[];
  /** The stock tools: before the recoveries, and after them. */
  readonly raw: readonly (readonly Raw[])[];
}

/** As text: a column for each recovery, and how much longer the second one took; the stock tools; the ratios. */
export function report({ recoveries, raw }: Measured): string {
  const parts = recoveries.map((lines) => {
    const events = eventsOf(lines);
    return new Map([
      ...phasesOf(lines).map(({ name, seconds }) => [name, seconds] as const),
      ['total', timesOf(lines).total] as const,
      ['nobody could write for', outageOf(events)] as const,
      ...partsOfOutage(events).map(({ name, seconds }) => [`  ${name}`, seconds] as const),
    ]);
  });
  const names = [...new Set(parts.flatMap((part) => [...part.keys()]))];
  const tools = [...new Set(raw.flatMap((round) => round.map(toolOf)))];
  const pipes = raw.flat().filter(({ note }) => note === BASE);
  const best = pipes.toSorted((one, other) => one.seconds - other.seconds)[0];
  return [
    ...names.map((name) => {
      const [first, second] = parts.map((part) => part.get(name));
      return row(name, recoveries.length === 1 ? [first] : [first, second], times(second, first));
    }),
    '',
    ...tools.map((tool) =>
      row(
        tool,
        raw.map((round) => round.find((one) => toolOf(one) === tool)?.seconds),
      ),
    ),
    '',
    ratio(
      `base backup / ${best?.what ?? 'the best raw pipe'}`,
      parts.map((part) => times(part.get('base backup'), best?.seconds)),
    ),
    ratio(
      'whole cluster / its leader alone',
      recoveries.map(timesOf).map(({ cluster, leader }) => times(cluster, leader)),
    ),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function toolOf({ what, note }: Raw): string {
  return `${what} (${note})`;
}

function row(name: string, seconds: readonly (number | undefined)[], last = ''): string {
  const cells = seconds.map((value) => (known(value) ? `${value.toFixed(1)} s` : '-').padStart(10));
  return `${name.padEnd(46)}${cells.join('')}${last.padStart(9)}`.trimEnd();
}

function ratio(name: string, values: readonly string[]): string {
  return `${name.padEnd(46)}${values.map((value) => (value === '' ? '-' : value).padStart(10)).join('')}`;
}

/** Nothing where one of the two is not known. */
function times(above: number | undefined, below: number | undefined): string {
  return known(above) && known(below) && below > 0 ? `${(above / below).toFixed(2)}x` : '';
}

function known(value: number | undefined): value is number {
  return value !== undefined && !Number.isNaN(value);
}
