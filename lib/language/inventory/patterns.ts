import { isDeepStrictEqual } from 'node:util';
import { didYouMean } from '../../base/errors/nearest.ts';
import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import type { Inventory } from './model.ts';

/**
 * The names of the hosts of a pattern, term by term, those of a group in its order, of a glob in that of the inventory. Terms are separated by `,`
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

/** A limit that says places (`group[0:9]`) as the names of the hosts that are there now; any other one as it is. */
export function limitByNames(inventory: Inventory, limit: string | undefined): string | undefined {
  const byPlaces = splitPattern(limit ?? '').some((term) => SLICE.test(term) && !/^[&!]?~/.test(term));
  return limit === undefined || !byPlaces ? limit : matchHosts(inventory, 'all,localhost', limit).join(',');
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
  const union = new Set((plain.length === 0 ? ['all'] : plain).flatMap((term) => [...of(term)]));
  const required = terms.filter((term) => term.startsWith('&')).map((term) => of(term.slice(1)));
  const excluded = terms.filter((term) => term.startsWith('!')).map((term) => of(term.slice(1)));
  return [...union].filter(
    (name) => required.every((set) => set.has(name)) && !excluded.some((set) => set.has(name)),
  );
}

/**
 * Splits at `,` and `:`, except inside brackets. A regular expression may hold a `:`; it ends at one behind which another
 * term is plain to see, as in Ansible: `~db.*:!db1` must not run on db1.
 */
function splitPattern(pattern: string): readonly string[] {
  const terms: string[] = [];
  let term = '';
  let depth = 0;
  const chars = [...pattern];
  for (const [at, char] of chars.entries()) {
    const behind = chars.slice(at + 1).find((next) => next.trim() !== '');
    const goesOn = /^\s*[&!]?~/.test(term) && !/[!&~]/.test(behind ?? '');
    if (char === '[' || char === '(' || char === '{') depth++;
    if (char === ']' || char === ')' || char === '}') depth = Math.max(0, depth - 1);
    if (depth === 0 && (char === ',' || (char === ':' && !goesOn))) {
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
  refuseDash(inventory, term, what, at);
  const slice = term.startsWith('~') ? null : SLICE.exec(term);
  const base = slice?.[1] ?? term;
  const found = namesOf(inventory, base, what, at);
  if (found.size === 0 && !inventory.groups.has(base)) throw unknownName(inventory, term, base, what, at);
  if (slice === null) return found;
  const ordered = [...found];
  const picked = pick(ordered, Number(slice[2]), slice[3]);
  if (picked.length > 0) return new Set(picked);
  throw patternError(`"${term}" in the ${what} matches no host: "${base}" has ${ordered.length}`, at);
}

/** `db[0-2]`: Ansible takes it for places in what is called `db`, and as a glob it is names. */
function refuseDash(inventory: Inventory, term: string, what: string, at: SourcePosition | undefined): void {
  const [, base, from, to = ''] = /^([^~].*)\[(\d+)-(\d*)\]$/.exec(term) ?? [];
  if (base === undefined) return;
  const works = (way: string): boolean => {
    try {
      return matchTerm(inventory, way, what, at).size > 0;
    } catch {
      return false;
    }
  };
  const byPlace = `${base}[${from}:${to}]`;
  const byName = `~${globSource(term)}$`;
  throw patternError(
    `"${term}" in the ${what} says by places which hosts are meant, or by names: both can be read in it`,
    at,
    [
      ...(works(byPlace) ? [`By places, both ends included: ${byPlace}`] : []),
      ...(works(byName) ? [`By names, as a regular expression: ${byName}`] : []),
    ],
  );
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
  if (group !== undefined && inventory.hosts.has(term) && !isDeepStrictEqual(group, [term])) {
    throw patternError(`"${term}" in the ${what} is a host, and a group of these: ${shortened(group)}`, at, [
      'Give the group or the host another name.',
    ]);
  }
  if (group !== undefined) return new Set(group);
  if (inventory.hosts.has(term) || term === 'localhost') return new Set([term]);
  const expression = regexOf(term, what, at);
  if (expression === undefined) return new Set();
  const found = new Set<string>();
  for (const [name, members] of inventory.groups) {
    if (expression.test(name)) for (const member of members) found.add(member);
  }
  return new Set([...inventory.hosts.keys()].filter((name) => found.has(name) || expression.test(name)));
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
  try {
    return new RegExp(`^${globSource(term)}$`);
  } catch {
    // A bracket that is never closed stands for itself, so nothing is called that.
    return undefined;
  }
}

function globSource(glob: string): string {
  return glob
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
    .replace(/\[!/g, '[^');
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
