import { describe, expect, it } from 'vitest';
import {
  type Member,
  parseClusterAnswer,
  parseMemberList,
} from '../../../../lib/recovery/patroni/cluster.ts';
import {
  isStrict,
  mayStandBy,
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

describe('a member that commits may wait for', () => {
  it.each([
    [{ state: 'running' }, true],
    [{ state: 'streaming', tags: { nosync: false, clonefrom: true } }, true],
    [{ state: 'streaming', tags: { nosync: true } }, false],
    [{ state: 'in archive recovery' }, false],
    [{ state: 'stopped' }, false],
  ])('%j: %s', (told, may) => {
    const { db2 } = parseClusterAnswer(
      JSON.stringify({ members: [{ name: 'db2', role: 'replica', ...told }] }),
    ).members;
    expect(db2 === undefined ? undefined : mayStandBy(db2)).toBe(may);
  });

  it('is told so by the list, too', () => {
    const row = { Member: 'db2', Role: 'Replica', State: 'running', Tags: { nosync: true } };
    expect(parseMemberList(JSON.stringify([row])).members.db2).toMatchObject({ tags: ['nosync'] });
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
