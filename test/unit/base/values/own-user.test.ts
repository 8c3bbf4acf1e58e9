import { afterEach, describe, expect, it, vi } from 'vitest';
import { nameOfUser, ownUser } from '../../../../lib/base/values/own-user.ts';

/** A number without an entry in /etc/passwd, as containers have them. */
const NOBODY_KNOWN = 54_321;

// Only root can be somebody else for a while.
describe.runIf(process.getuid?.() === 0)('the name of a user whom the system does not know', () => {
  afterEach(() => {
    process.seteuid?.(0);
    vi.unstubAllEnvs();
  });

  it.each([
    ['is that of USER', { USER: 'anna', LOGNAME: 'bert' }, 'anna'],
    ['is that of LOGNAME', { USER: '', LOGNAME: 'bert' }, 'bert'],
    ['is a number', { USER: '', LOGNAME: '' }, `uid ${NOBODY_KNOWN}`],
  ])('%s', (_, environment, name) => {
    for (const [variable, value] of Object.entries(environment)) vi.stubEnv(variable, value);
    process.seteuid?.(NOBODY_KNOWN);
    expect(nameOfUser()).toBe(name);
  });

  it('is asked for once: it is not missed in the middle of a run', () => {
    vi.stubEnv('USER', 'anna');
    const before = ownUser();
    process.seteuid?.(NOBODY_KNOWN);
    expect(nameOfUser()).toBe('anna');
    expect(ownUser()).toBe(before);
    expect(before).toBe('root');
  });
});
