import { didYouMean } from '../../base/errors/nearest.ts';
import type { Located } from '../yaml/located.ts';
import type { Known } from './known.ts';
import type { ProblemList } from './problems.ts';

/**
 * The hosts that a play may run on, as far as that is known before the run: with a template in the pattern, all of
 * the inventory. A name that the inventory does not have is a problem, not an empty play.
 */
export function playHosts(pattern: Located<string>, known: Known, problems: ProblemList): readonly string[] {
  if (pattern.value === '' || pattern.value.includes('{{')) return known.hosts;
  if (known.matchHosts === undefined) return hostsOfWords(pattern, known, problems);
  try {
    return known.matchHosts(pattern.value, pattern.at);
  } catch (error) {
    problems.take(error, pattern.at);
    return known.hosts;
  }
}

function hostsOfWords(pattern: Located<string>, known: Known, problems: ProblemList): readonly string[] {
  const words = pattern.value.split(',').map((word) => word.trim());
  if (!words.every((word) => /^[\w.-]+$/.test(word))) return known.hosts;
  return words.flatMap((word) => {
    const group = known.groups.get(word);
    if (group !== undefined) return group;
    if (known.hosts.includes(word) || word === 'localhost') return [word];
    problems.add({
      code: 'host-unknown',
      message: `the inventory has no host and no group "${word}"${didYouMean(word, [...known.groups.keys(), ...known.hosts])}`,
      at: pattern.at,
    });
    return known.hosts;
  });
}
