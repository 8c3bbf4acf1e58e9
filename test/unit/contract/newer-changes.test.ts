import { expect, it } from 'vitest';
import type { NewerChange } from '../../../lib/contract/module.ts';
import { mayAlter, mayTouch } from '../../../lib/contract/newer-changes.ts';

const PATH = '/var/lib/postgresql/15/main.pre-pitr';

function newer(change: object, host = 'db2'): readonly NewerChange[] {
  return [{ host, change: { summary: 'does something', ...change }, effects: [] }];
}

it.each<readonly [string, object]>([
  ['names it', { dest: PATH }],
  ['names it within a list', { argv: ['rm', '-r', PATH] }],
  ['names it in a script', { argv: ['sh', '-c', `mv "${PATH}" /srv`] }],
  ['names what lies in it', { path: `${PATH}/PG_VERSION` }],
  ['names it at the end of a sentence', { notice: `The old data lies in ${PATH}.` }],
  ['names it by a pattern', { argv: ['sh', '-c', `rm -r ${PATH}*`] }],
  ['names a directory above it', { src: '/var/lib/postgresql/' }],
  ['works in a directory above it', { undo: ['sh', '-c', 'cd /var/lib/postgresql; mv 15/main.pre-pitr x'] }],
  ['works anywhere', { directory: '/' }],
])('may touch a path: one that %s', (_, change) => {
  expect(mayTouch(newer(change), 'db2', PATH)).toBe(true);
  expect(mayTouch(newer(change, 'db3'), 'db2', PATH)).toBe(false);
  expect(mayTouch(newer({ ...change, node: 'db2' }, 'barman'), 'db2', PATH)).toBe(true);
});

it.each<readonly [string, object]>([
  ['names another path', { dest: '/var/lib/postgresql/15/main' }],
  ['names what begins like it', { path: `${PATH}.2` }],
  ['names what begins like it, with a dash', { argv: ['sh', '-c', `rm -r '${PATH}-old'`] }],
  ['names what begins like it, with a letter', { path: `${PATH}é` }],
  ['only says so', { summary: `looks at ${PATH}`, diff: [{ subject: PATH, before: PATH, after: '' }] }],
  ['names no path', { port: 5432, wanted: null, mode: 'fast' }],
])('does not touch a path: one that %s', (_, change) => {
  expect(mayTouch(newer(change), 'db2', PATH)).toBe(false);
});

it('alters a resource of its own host alone', () => {
  const effects = [{ kind: 'postgres', id: '/data', state: 'stopped', lasts: 'for good' as const }];
  const [one] = newer({});
  const list = one === undefined ? [] : [{ ...one, effects }];
  expect(mayAlter(list, 'db2', 'postgres', '/data')).toBe(true);
  expect(mayAlter(list, 'db2', 'path', '/data')).toBe(false);
  expect(mayAlter(list, 'db3', 'postgres', '/data')).toBe(false);
});
