const RANGE = /\[([0-9]+|[a-z]|[A-Z]):([0-9]+|[a-z]|[A-Z])(?::([1-9][0-9]*))?\]/;
const MOST = 10_000;

/** Why a range of host names cannot be. */
export class BadRange extends Error {}

/**
 * The host names that a name with ranges stands for: `db[1:3]`, `db[01:10]` (with leading zeros), `rack[a:c]`,
 * `db[1:9:2]` (a step), several in one name. Both ends are included. Throws `BadRange`.
 */
export function expandRanges(name: string): readonly string[] {
  const match = RANGE.exec(name);
  if (match === null) {
    if (/[[\]]/.test(name)) throw new BadRange('a range of hosts is written [1:4] or [a:f]');
    return [name];
  }
  const [text, from = '', to = '', step = '1'] = match;
  const rest = expandRanges(name.slice(match.index + text.length));
  const start = name.slice(0, match.index);
  const names = rangeItems(from, to, Number(step)).flatMap((item) =>
    rest.map((end) => `${start}${item}${end}`),
  );
  if (names.length > MOST) throw new BadRange(`the range stands for more than ${MOST} hosts`);
  return names;
}

function rangeItems(from: string, to: string, step: number): readonly string[] {
  const numbers = /^\d+$/.test(from);
  if (numbers !== /^\d+$/.test(to))
    throw new BadRange('a range goes from a number to a number, or from a letter to a letter');
  const first = numbers ? Number(from) : from.charCodeAt(0);
  const last = numbers ? Number(to) : to.charCodeAt(0);
  if (last < first || (!numbers && from < 'a' !== to < 'a')) throw new BadRange('a range goes upwards');
  if ((last - first) / step > MOST) throw new BadRange(`the range stands for more than ${MOST} hosts`);
  const width = numbers && from.startsWith('0') ? from.length : 0;
  const items: string[] = [];
  for (let i = first; i <= last; i += step) {
    items.push(numbers ? String(i).padStart(width, '0') : String.fromCharCode(i));
  }
  return items;
}
