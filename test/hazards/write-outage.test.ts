import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError, type PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { newDirectory, play } from '../engine/support.ts';

/** A target without which nobody stands by its leader, in a cluster whose commits wait for that, or without which nobody leads. */

const stands = { state: 'streaming', may_stand_by: true };
const nosync = { state: 'streaming', may_stand_by: false };
const down = { state: 'stopped', may_stand_by: false };

async function refusal(vars: Readonly<Record<string, unknown>>): Promise<PitrErrorJson | undefined> {
  const directory = await newDirectory();
  const all = { target: 'one', accept_write_outage: false, configured: { strict: true }, ...vars };
  const tasks = join(productPlaybooks(), 'tasks/writes-go-on.yml');
  const yaml = `- hosts: one\n  vars: ${JSON.stringify(all)}\n  tasks:\n    - import_tasks: ${tasks}\n`;
  return play(yaml, { directory }).then(
    ({ outcome }) => outcome.error?.toJSON(),
    (thrown: unknown) => asPitrError(thrown).toJSON(),
  );
}

describe('where no commit ends without a standby, a target leaves', () => {
  it.each([
    ['a cluster of three', { one: stands, two: stands, three: stands }, 'two', true],
    ['not a cluster of two', { one: stands, two: stands }, 'two', false],
    [
      'not one whose third member may not stand by',
      { one: stands, two: stands, three: nosync },
      'two',
      false,
    ],
    ['not one whose third member is down', { one: stands, two: stands, three: down }, 'two', false],
    ['one whose leader itself may not stand by', { one: stands, two: nosync, three: stands }, 'two', true],
    ['one that never waited for it', { one: nosync, two: stands }, 'two', true],
    ['one that it has left before', { one: down, two: stands }, 'two', true],
    ['not as the leader of two', { one: stands, two: stands }, 'one', false],
    ['as the leader of three', { one: stands, two: stands, three: stands }, 'one', true],
    [
      'not as the leader where one of two may not stand by',
      { one: stands, two: stands, three: nosync },
      'one',
      false,
    ],
    ['one that nobody leads', { one: stands, two: stands }, undefined, true],
    ['one that does not list it', { two: stands, three: stands }, 'two', true],
  ])('%s', async (_, members, leader, may) => {
    const refused = await refusal({ cluster: { members, ...(leader === undefined ? {} : { leader }) } });
    expect(refused?.code).toBe(may ? undefined : 'write-outage');
  });

  it('one whose members an older pitr has looked at: that run has begun without asking', async () => {
    const members = { one: { state: 'streaming' }, two: { state: 'streaming' } };
    expect(await refusal({ cluster: { members, leader: 'two' } })).toBeUndefined();
  });

  const two = { members: { one: stands, two: stands }, leader: 'two' };

  it('any cluster where that is accepted, or where commits do not wait', async () => {
    expect(await refusal({ cluster: two, accept_write_outage: true })).toBeUndefined();
    expect(await refusal({ cluster: two, configured: { strict: false } })).toBeUndefined();
  });

  it('none unseen: the refusal names what it costs, and the ways', async () => {
    const refused = await refusal({ cluster: two });
    expect(refused).toMatchObject({ kind: 'refused', message: expect.stringContaining('no commit ends') });
    expect(refused?.next?.join('\n')).toMatch(
      /synchronous_mode_strict=false[\s\S]*-e accept_write_outage=true/,
    );
  });
});

const fit = { state: 'streaming', may_lead: true };
const unfit = { state: 'streaming', may_lead: false };

const sync = { ...fit, role: 'sync_standby' };
const quorum = { ...fit, role: 'quorum_standby' };
const replica = { ...fit, role: 'replica' };

describe('with synchronous_mode, a leader is recovered in place', () => {
  const led = { one: { ...fit, role: 'leader' } };
  it.each([
    ['where a synchronous standby takes over', { ...led, two: sync, three: replica }, true, true],
    ['where one of a quorum does', { ...led, two: quorum }, true, true],
    ['not where none stands by', { ...led, two: replica, three: replica }, true, false],
    [
      'not where the only one is down',
      { ...led, two: { ...sync, may_lead: false }, three: replica },
      true,
      false,
    ],
    ['where the mode is off', { ...led, two: replica }, false, true],
    ['where an older pitr has looked', { ...led, two: replica }, undefined, true],
  ])('%s', async (_, members, synchronous, may) => {
    const configured = { strict: false, ...(synchronous === undefined ? {} : { synchronous }) };
    const vars = { cluster: { members, leader: 'one' }, configured };
    const refused = await refusal(vars);
    expect(refused?.code).toBe(may ? undefined : 'write-outage');
    if (!may) expect(JSON.stringify(refused)).toMatch(/a synchronous standby does, and nobody else/);
    expect(await refusal({ ...vars, accept_write_outage: true })).toBeUndefined();
  });
});

describe('a leader is recovered in place', () => {
  it.each([
    ['where another member may take over', { one: fit, two: fit, three: unfit }, {}, 'one', true],
    ['not in a cluster of one', { one: fit }, {}, 'one', false],
    ['not where the others are down, or may not lead', { one: fit, two: unfit }, {}, 'one', false],
    ['not in a pause: nobody takes over', { one: fit, two: fit }, { paused: true }, 'one', false],
    ['where a pause has ended', { one: fit, two: fit }, { paused: false }, 'one', true],
    ['where an older pitr has looked', { one: {}, two: {} }, {}, 'one', true],
  ])('%s', async (_, members, told, leader, may) => {
    const cluster = { members, leader, ...told };
    const refused = await refusal({ cluster, configured: { strict: false } });
    expect(refused?.code).toBe(may ? undefined : 'write-outage');
    expect(
      await refusal({ cluster, configured: { strict: false }, accept_write_outage: true }),
    ).toBeUndefined();
  });

  it.each([
    ['a replica whose leader is alone with it', { members: { one: fit, two: unfit }, leader: 'two' }],
    ['a node of a cluster that nobody leads', { members: { one: unfit, two: unfit } }],
  ])('%s is none', async (_, cluster) => {
    expect(await refusal({ cluster, configured: { strict: false } })).toBeUndefined();
  });

  it('alone only where that is accepted: the refusal says what nobody can do, and until when', async () => {
    const refused = await refusal({ cluster: { members: { one: fit }, leader: 'one' } });
    expect(refused).toMatchObject({ kind: 'refused', message: expect.stringContaining('nobody leads') });
    expect(refused?.next?.join('\n')).toContain('-e accept_write_outage=true');
    expect(refused?.next?.join('\n')).not.toContain('resume');
    const paused = await refusal({
      cluster: { members: { one: fit, two: fit }, leader: 'one', paused: true },
    });
    expect(paused?.next?.join('\n')).toMatch(/patronictl -c \S+ resume/);
  });
});
