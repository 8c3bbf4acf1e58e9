import { describe, expect, it } from 'vitest';
import { type Member, parseClusterAnswer } from '../../../../lib/recovery/patroni/cluster.ts';
import {
  isStrict,
  synchronousMode,
  synchronousStandbys,
} from '../../../../lib/recovery/patroni/synchronous.ts';

describe('synchronous_mode', () => {
  it.each([true, 'on', 'quorum'])('is on as %j, and stays that very word', (mode) => {
    expect(synchronousMode({ synchronous_mode: mode })).toBe(mode);
  });

  it.each([false, 'off', 'no', null, undefined])('is off as %j', (mode) => {
    expect(synchronousMode({ synchronous_mode: mode })).toBeUndefined();
  });

  it('is strict only where it is on', () => {
    expect(isStrict({ synchronous_mode: true, synchronous_mode_strict: true })).toBe(true);
    expect(isStrict({ synchronous_mode: false, synchronous_mode_strict: true })).toBe(false);
    expect(isStrict({ synchronous_mode: 'on' })).toBe(false);
  });
});

describe('the synchronous standbys', () => {
  const told = (role: string, state: string): Readonly<Record<string, Member>> =>
    parseClusterAnswer(JSON.stringify({ members: [{ name: 'db2', role, state }] })).members;

  it('are the members that are up and may take over', () => {
    expect(synchronousStandbys({ members: told('sync_standby', 'streaming') })).toEqual(['db2']);
    expect(synchronousStandbys({ members: told('quorum_standby', 'running') })).toEqual(['db2']);
  });

  it('are not those that have stopped since, nor any other replica', () => {
    expect(synchronousStandbys({ members: told('sync_standby', 'stopped') })).toEqual([]);
    expect(synchronousStandbys({ members: told('replica', 'running') })).toEqual([]);
  });
});
