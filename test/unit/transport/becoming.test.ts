import { describe, expect, it } from 'vitest';
import { Secret } from '../../../lib/base/values/secret.ts';
import { becomingOf } from '../../../lib/transport/becoming.ts';

describe('becomingOf', () => {
  it.each([
    ['auto', true, 'runuser'],
    ['auto', false, 'sudo'],
    ['sudo', true, 'sudo'],
    ['su', false, 'su'],
    ['runuser', false, 'runuser'],
  ] as const)('method %s, login as root %s: %s', (method, loginIsRoot, how) => {
    expect(becomingOf('postgres', { method }, loginIsRoot).how).toBe(how);
  });

  it('never asks for a password that nobody gave', () => {
    expect(becomingOf('postgres', { method: 'sudo' }, false).wrap('true')).toContain('sudo -n ');
  });

  it('keeps the password off the command line', () => {
    const becoming = becomingOf('postgres', { method: 'sudo', password: new Secret('hunter2') }, false);
    expect(becoming.wrap('true')).not.toContain('hunter2');
    expect(becoming.wrap('true')).toContain('sudo -S ');
    expect(becoming.dialog?.password.reveal()).toBe('hunter2');
  });

  it.each(['', 'a b', '$(id)', '-u', "o'brien", 'x;y', '../x'])(
    'refuses %j, which is no user name',
    (user) => {
      expect(() => becomingOf(user, undefined, true)).toThrow('not a user name');
    },
  );
});
