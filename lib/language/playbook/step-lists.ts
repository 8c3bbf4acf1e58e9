import { part } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { isMapping } from './fields.ts';
import type { ProblemList } from './problems.ts';

/** The items of a file that is a list of tasks; an empty file has none. */
export function listOfSteps(contents: Located, problems: ProblemList): readonly Located[] {
  const { value } = contents;
  if (value === null) return [];
  if (Array.isArray(value)) {
    const play = value.findIndex((item) => isMapping(item) && 'hosts' in item);
    if (play === -1) return value.map((_, i) => part(contents, [i]));
    problems.add({
      code: 'play-in-tasks',
      message: 'a file of tasks cannot hold a play',
      at: contents.locateKey([play, 'hosts']),
      hints: ['plays are brought in with import_playbook'],
    });
    return [];
  }
  problems.add({
    code: 'not-a-list',
    message: 'a file of tasks must be a list (lines that start with "- ")',
    at: contents.at,
  });
  return [];
}
