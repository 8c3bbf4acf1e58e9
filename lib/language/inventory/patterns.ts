import { didYouMean } from '../../base/errors/nearest.ts';
import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import type { Inventory } from './model.ts';

/**
 * The names of the hosts of a pattern, term by term, those of one term in inventory order. Terms are separated by `,`
 * or `:`: names of hosts and groups, `all`, globs (`db*`), `~` and a regular expression, `group[0]` and `group[0:2]` (both ends included);
 * `&term` keeps only what is in it too, `!term` takes it out, wherever in the pattern they stand. `localhost` is there
 * also when the inventory does not name it. `limit` is a second pattern that narrows the first.
 *
 * A term that matches nothing is an error of kind `validation`; a combination that leaves nothing is not.
 */
export function matchHosts(
  inventory: Inventory,
  pattern: string,
  limit?: string,
  at?: SourcePosition,
): readonly string[] {
  const matched = matchPattern(inventory, pattern, 'host pattern', at);
  if (limit === undefined) return matched;
  const allowed = new Set(matchPattern(inventory, limit, 'limit', undefined));
  return matched.filter((name) => allowed.has(name));
}

function matchPattern(
  inventory: Inventory,
  pattern: string,
  what: string,
  at: SourcePosition | undefined,
): readonly string[] {
  const terms = splitPattern(pattern);
  if (terms.length === 0) throw patternError(`the ${what} is empty`, at, ['To name all hosts write: all']);
  const of = (term: string): ReadonlySet<string> => matchTerm(inventory, term, what, at);
  const plain = terms.filter((term) => !/^[&!]/.test(term));
  const order = new Map([...inventory.hosts.keys()].map((name, index) => [name, index]));
  const inOrder = (names: ReadonlySet<string>): readonly string[] =>
    [...names].sort((a, b) => (order.get(a) ?? -1) - (order.get(b) ?? -1));
  const union = new Set((plain.length === 0 ? ['all'] : plain).flatMap((term) => inOrder(of(term))));
  const required = terms.filter((term) => term.startsWith('&')).map((term) => of(term.slice(1)));
  const excluded = terms.filter((term) => term.startsWith('!')).map((term) => of(term.slice(1)));
  return [...union].filter(
    (name) => required.every((set) => set.has(name)) && !excluded.some((set) => set.has(name)),
  );
}

/** Splits at `,` and `:`, except inside brackets; a regular expression ends at a comma only. */
function splitPattern(pattern: string): readonly string[] {
  const terms: string[] = [];
  let term = '';
  let depth = 0;
  for (const char of pattern) {
    const isRegex = /^\s*[&!]?~/.test(term);
    if (char === '[' || char === '(' || char === '{') depth++;
    if (char === ']' || char === ')' || char === '}') depth = Math.max(0, depth - 1);
    if (depth === 0 && (char === ',' || (char === ':' && !isRegex))) {
      terms.push(term);
      term = '';
    } else term += char;
  }
  return [...terms, term].map((text) => text.trim()).filter((text) => text !== '');
}

const SLICE = /^(.+)\[(-?\d+)(?::(\d*))?\]$/;

function matchTerm(
  inventory: Inventory,
  term: string,
  what: string,
  at: SourcePosition | undefined,
): ReadonlySet<string> {
  const slice = term.startsWith('~') ? null : SLICE.exec(term);
  const base = slice?.[1] ?? term;
  const found = namesOf(inventory, base, what, at);
  if (found.size === 0 && !inventory.groups.has(base)) throw unknownName(inventory, term, base, what, at);
  if (slice === null) return found;
  const ordered = [...inventory.hosts.keys()].filter((name) => found.has(name));
  const picked = pick(ordered, Number(slice[2]), slice[3]);
  if (picked.length > 0) return new Set(picked);
  throw patternError(`"${term}" in the ${what} matches no host: "${base}" has ${ordered.length}`, at);
}

/** One item, or from one to another with both ends included. */
function pick(names: readonly string[], from: number, to: string | undefined): readonly string[] {
  if (to === undefined) return names.slice(from, from === -1 ? undefined : from + 1);
  return names.slice(from, to === '' ? undefined : Number(to) + 1);
}

function namesOf(
  inventory: Inventory,
  term: string,
  what: string,
  at: SourcePosition | undefined,
): ReadonlySet<string> {
  const group = inventory.groups.get(term);
  if (group !== undefined) return new Set(group);
  if (inventory.hosts.has(term) || term === 'localhost') return new Set([term]);
  const expression = regexOf(term, what, at);
  if (expression === undefined) return new Set();
  const found = new Set<string>();
  for (const [name, members] of inventory.groups) {
    if (expression.test(name)) for (const member of members) found.add(member);
  }
  for (const name of inventory.hosts.keys()) if (expression.test(name)) found.add(name);
  return found;
}

function regexOf(term: string, what: string, at: SourcePosition | undefined): RegExp | undefined {
  if (term.startsWith('~')) {
    try {
      return new RegExp(`^(?:${term.slice(1)})`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw patternError(`"${term}" in the ${what} is no regular expression: ${reason}`, at);
    }
  }
  if (!/[*?[]/.test(term)) return undefined;
  const source = term
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
    .replace(/\[!/g, '[^');
  try {
    return new RegExp(`^${source}$`);
  } catch {
    // A bracket that is never closed stands for itself, so nothing is called that.
    return undefined;
  }
}

function unknownName(
  inventory: Inventory,
  term: string,
  base: string,
  what: string,
  at: SourcePosition | undefined,
): PitrError {
  const known = [...inventory.groups.keys(), ...inventory.hosts.keys()];
  const groups = [...inventory.groups.keys()].filter((name) => name !== 'ungrouped');
  const hosts = [...inventory.hosts.keys()];
  return patternError(
    `"${term}" in the ${what} matches no host and no group${didYouMean(base, known)}`,
    at,
    [],
    [`groups: ${shortened(groups)}`, `hosts: ${shortened(hosts)}`],
  );
}

function shortened(names: readonly string[]): string {
  if (names.length === 0) return '(none)';
  return names.length > 20 ? `${names.slice(0, 20).join(', ')}, ... (${names.length})` : names.join(', ');
}

function patternError(
  message: string,
  at: SourcePosition | undefined,
  next: readonly string[] = [],
  details: readonly string[] = [],
): PitrError {
  return new PitrError({
    kind: 'validation',
    // A pattern of hosts cannot be read, or names a host or group that the inventory does not have.
    code: 'host-pattern',
    message,
    at,
    next,
    details,
  });
}
