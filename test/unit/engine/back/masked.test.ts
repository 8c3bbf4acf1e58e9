import { expect, it } from 'vitest';
import { siteWords } from '../../../../cli/revert-command.ts';
import { MASK } from '../../../../lib/base/values/secret.ts';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import {
  maskedField,
  unmaskedEnvironment,
  unmaskedName,
  unmaskedResult,
  unmaskedVariables,
  wordToType,
} from '../../../../lib/engine/back/masked.ts';
import { variablesAgain } from '../../../../lib/engine/back/variables-again.ts';

it('a masked variable is missing until it is given again', () => {
  const written = { port: 1, password: MASK, users: [{ password: MASK }] };
  expect(unmaskedVariables(written, {})).toEqual({ known: { port: 1 }, masked: ['password', 'users'] });
  expect(unmaskedVariables(written, { password: 'x', port: 2 })).toEqual({
    known: { port: 2, password: 'x' },
    masked: ['users'],
  });
});

it('a masked field of a change is named where an undo may need it', () => {
  expect(
    maskedField({ summary: `set ${MASK}`, diff: [{ subject: 'a', before: MASK, after: '' }] }, false),
  ).toBe(undefined);
  const change = { summary: 'write', argv: [MASK] };
  expect(maskedField(change, false)).toBe('argv');
  expect(maskedField(change, true)).toBe(undefined);
});

it('a masked variable of the environment is left out, and named', () => {
  expect(unmaskedEnvironment({ MYENV: 'hello', MY_PASSWORD: MASK })).toEqual({
    known: { MYENV: 'hello' },
    masked: ['MY_PASSWORD'],
  });
  expect(unmaskedEnvironment(undefined)).toEqual({ known: {}, masked: [] });
});

it('a masked result of a look is found anew; of a change, which is not made again for it, the secret is unknown', () => {
  expect(unmaskedResult({ rows: [MASK] }, 'look')).toBe(undefined);
  expect(unmaskedResult({ rows: [] }, 'look')).toEqual({ rows: [] });
  expect(unmaskedResult({ rows: [`a ${MASK}`, 'b', 1], rc: 0 }, 'change')).toEqual({
    rows: [expect.any(Unknown), 'b', 1],
    rc: 0,
  });
});

it('a name with a mask is none, and a variable with one is left to be filled in', () => {
  expect([unmaskedName('log in'), unmaskedName(`log in as ${MASK}`)]).toEqual(['log in', undefined]);
  expect([wordToType('a', MASK), wordToType('a', 'b'), wordToType('a', [1])]).toEqual([
    'a=...',
    'a=b',
    '{"a":[1]}',
  ]);
});

it('the password that is asked for stands in no command that is printed', () => {
  const extraVars = { pitr_become_password: MASK, ansible_user: 'deploy' };
  expect(siteWords(['i.yml'], extraVars)).toEqual(['-i', 'i.yml', '-K', '-e', 'ansible_user=deploy']);
  expect(() => variablesAgain({ extraVars }, {}, new Set())).toThrow(
    expect.objectContaining({ code: 'secret-not-in-journal', next: ['Give it again: -K'] }),
  );
  const both = { ...extraVars, ansible_password: MASK };
  expect(() => variablesAgain({ extraVars: both }, {}, 'all')).toThrow(
    expect.objectContaining({ next: ['Give it again: -K -e ansible_password=...'] }),
  );
});
