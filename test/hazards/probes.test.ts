import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import { errorsOfCode } from '../docs/error-codes.ts';
import { errorsOfPlaybooks } from '../docs/playbook-errors.ts';
import { expectTestsExist, rowsOf, testsOf } from './named-tests.ts';

const [heads, , ...rows] = rowsOf('docs/probes.md');

/** Codes of this form that are about a word which somebody wrote and that names nothing: no look was blind. */
const NAMES_NOTHING = [
  ...['backup', 'barman-server', 'change', 'extra-var', 'group', 'handler', 'host', 'host-name', 'leader'],
  ...['member', 'module', 'param', 'run', 'service', 'ssh-host-key', 'tag', 'target', 'user', 'variable'],
].map((word) => `${word}-unknown`);

/** A code of an error, as an answer writes it. */
const CODE = /`([a-z][a-z0-9]*(?:-[a-z0-9]+)+)`/g;

describe('docs/probes.md', () => {
  it('is a table of probes, with words in every cell', () => {
    expect(heads).toEqual(['Probe', 'What rests on it', 'Its answer when blind', 'Proved by']);
    expect(rows.length).toBeGreaterThanOrEqual(11);
    expect(rows.filter((cells) => cells.length !== 4 || cells.includes(''))).toEqual([]);
  });

  it('has every code with which a look says that it cannot tell', () => {
    // What the command line says is about words that were typed.
    const codes = [...errorsOfCode().sites, ...errorsOfPlaybooks()]
      .filter(({ file }) => !file.startsWith('cli/'))
      .map(({ code }) => code);
    const blind = new Set(codes.filter((code) => code.endsWith('-unknown') && !NAMES_NOTHING.includes(code)));
    const answers = rows.map(([, , answer = '']) => answer).join('\n');
    const missing = [...blind].filter((code) => !answers.includes(`\`${code}\``)).sort();
    expect(missing).toEqual([]);
    expect(NAMES_NOTHING.filter((code) => !codes.includes(code))).toEqual([]);
  });

  it.each(rows.map(([probe = '', , , tests = '']) => [probe, tests] as const))(
    'names files and tests that exist: %s',
    (probe, tests) => {
      const files = [...probe.matchAll(/`([^`]+\.(?:ts|yml))`/g)].map(([, file = '']) => file);
      expect(files).not.toEqual([]);
      expect(files.filter((file) => !existsSync(join(checkoutRoot, file)))).toEqual([]);
      expectTestsExist(testsOf(tests));
    },
  );

  it('names for each code of an answer a test that has met it', () => {
    const known = new Set([...errorsOfCode().sites, ...errorsOfPlaybooks()].map(({ code }) => code));
    const wrong = rows.flatMap(([probe = '', , answer = '', tests = '']) => {
      const sources = testsOf(tests).map((test) =>
        readFileSync(join(checkoutRoot, 'test', test.replace(/: .*/, '')), 'utf8'),
      );
      const codes = [...answer.matchAll(CODE)].map(([, code = '']) => code);
      return codes.flatMap((code) => [
        ...(known.has(code) ? [] : [`${code} of "${probe}" is no code`]),
        ...(sources.some((source) => source.includes(`'${code}'`)) ? [] : [`${code} of "${probe}"`]),
      ]);
    });
    expect(wrong).toEqual([]);
  });
});
