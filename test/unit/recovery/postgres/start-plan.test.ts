import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../../../lib/base/errors/pitr-error.ts';
import type { AccessMode, InstanceState } from '../../../../lib/recovery/postgres/instance.ts';
import { planStart } from '../../../../lib/recovery/postgres/start-plan.ts';

/** How the wish of a start is refused on an instance that is closed to its clients, or how it may be otherwise. */
function refused(mode: AccessMode, more: Partial<InstanceState>): { code: string; next: string } | undefined {
  const state: InstanceState = { data: 'present', running: true, mode: 'closed', pid: 7, ...more };
  try {
    planStart(state, {
      mode,
      pgdata: '/data',
      user: 'postgres',
      roles: ['postgres'],
      settings: {},
      shutdown_timeout: 60,
    });
    return undefined;
  } catch (thrown) {
    const { code, next = [] } = asPitrError(thrown);
    return { code, next: next.join('\n') };
  }
}

describe('an instance that was started closed, to lead', () => {
  it('counts as started while it is a primary', () => {
    expect(refused('closed', { role: 'primary' })).toBeUndefined();
  });

  it.each([
    ['a standby that Patroni has made of it', { role: 'recovering', signal: 'standby' }],
    ['one of which nobody can tell what it is', {}],
    [
      'that standby, stopped again',
      { running: false, pid: undefined, role: 'recovering', signal: 'standby' },
    ],
    ['that standby, without its control file', { running: false, pid: undefined, signal: 'standby' }],
  ] as const)('cannot lead any more: %s', (_, state) => {
    const refusal = refused('closed', state);
    expect(refusal?.code).toBe('closed-no-primary');
    expect(refusal?.next).toContain('rollback.yml');
    expect(refusal?.next).not.toMatch(/postgres\.(access|promote)/);
  });

  it('is started again where it was only stopped', () => {
    expect(refused('closed', { running: false, pid: undefined, role: 'primary' })).toBeUndefined();
  });

  it('is not led back to by opening or closing what runs there in its place', () => {
    const refusal = refused('closed', { mode: 'open', role: 'recovering', signal: 'standby' });
    expect(refusal?.code).toBe('postgres-runs-already');
    expect(refusal?.next).toContain('rollback.yml');
    expect(refusal?.next).not.toContain('postgres.access');
  });

  it('is opened by postgres.access', () => {
    expect(refused('open', { role: 'primary' })?.next).toContain('postgres.access');
  });
});
