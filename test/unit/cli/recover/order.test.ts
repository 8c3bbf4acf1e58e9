import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../../cli/args.ts';
import { recover } from '../../../../cli/commands/recover.ts';
import { readExtraVars } from '../../../../cli/extra-vars.ts';
import {
  checkTarget,
  commandAgain,
  type RecoverOrder,
  remarksOn,
  targetOf,
  variablesOf,
  wayOf,
  wordsBeside,
  wordsOf,
} from '../../../../cli/recover/order.ts';
import { Masker } from '../../../../lib/base/values/masker.ts';

const order = (facts: Partial<RecoverOrder> = {}): RecoverOrder => ({
  backup: '20260123T120000',
  targetTime: '2026-01-23 12:30:00+00',
  restore: false,
  autoStart: false,
  acceptGap: false,
  allowLeader: false,
  ...facts,
});

describe('what the flags of the script mean', () => {
  it.each([
    [{}, 'manual'],
    [{ restore: true, autoStart: true }, 'manual'],
    [{ target: 'db2' }, 'prepare'],
    [{ target: 'db2', restore: true }, 'inspect'],
    [{ target: 'db2', restore: true, autoStart: true }, 'take-over'],
  ] as const)('%j is %s', (facts, way) => {
    expect(wayOf(order(facts))).toBe(way);
  });

  it('a flag without an effect is told, and not silently ignored', () => {
    expect(remarksOn(order({ restore: true, autoStart: true }))).toEqual([
      'Without --target there is no node to start on: --restore and --auto-start has no effect.',
    ]);
    expect(remarksOn(order({ target: 'db2', restore: true }))).toEqual([]);
    // the printed steps may be for the leader
    expect(remarksOn(order({ allowLeader: true }))).toEqual([]);
  });

  it('--auto-start never takes a cluster over with data that nobody replayed', () => {
    expect(() => remarksOn(order({ target: 'db2', autoStart: true }))).toThrow(
      '--auto-start needs --restore',
    );
  });
});

// What `lsn:$L` becomes with a variable that is not set.
it.each(['', 'xid:', 'lsn:', 'name:'])('a target without a value (%j) is refused, and not latest', (text) => {
  expect(() => checkTarget(text)).toThrow(
    expect.objectContaining({
      kind: 'validation',
      code: 'target-empty',
      next: [expect.stringContaining('latest')],
    }),
  );
});

it.each([
  ['', 'the target time "" is empty'],
  ['lsn:', 'the position "lsn:" is empty'],
  ['xid:12a', 'the transaction "xid:12a" is no transaction id'],
  ['name:', 'the restore point "name:" is empty'],
])('a target that is none, %j, is named by its kind', (text, message) => {
  expect(() => checkTarget(text)).toThrow(expect.objectContaining({ message }));
});

describe('the variables of the playbook', () => {
  it('--restore alone never sets auto_start', () => {
    expect(variablesOf(order({ target: 'db2', restore: true, server: 'db1' }), {}, {})).toEqual({
      backup: '20260123T120000',
      target_time: '2026-01-23 12:30:00+00',
      server: 'db1',
      target: 'db2',
      restore: true,
      auto_start: false,
    });
  });

  it('PATRONI_CLUSTER_NAME names the cluster; -e wins over it; empty is not a name', () => {
    const env = { PATRONI_CLUSTER_NAME: 'mycluster' };
    expect(variablesOf(order(), env, {})).toMatchObject({ patroni_cluster: 'mycluster' });
    expect(variablesOf(order(), env, { patroni_cluster: 'other' })).toMatchObject({
      patroni_cluster: 'other',
    });
    expect(variablesOf(order(), { PATRONI_CLUSTER_NAME: '' }, {})).not.toHaveProperty('patroni_cluster');
  });

  it.each([
    ['latest', { time: 'latest' }, { target_time: 'latest' }],
    ['immediate', { immediate: true }, { target_time: 'latest', target_immediate: true }],
    ['xid:731', { xid: '731' }, { target_time: 'latest', target_xid: '731' }],
    ['lsn:0/5000060', { lsn: '0/5000060' }, { target_time: 'latest', target_lsn: '0/5000060' }],
    ['name:a:b $(x)', { name: 'a:b $(x)' }, { target_time: 'latest', target_name: 'a:b $(x)' }],
  ])('%s is carried as it is', (targetTime, param, variables) => {
    expect(targetOf(targetTime)).toEqual(param);
    expect(variablesOf(order({ targetTime }), {}, {})).toEqual({ backup: '20260123T120000', ...variables });
  });
});

it('an order can be typed again', () => {
  const all = order({
    target: 'db2',
    restore: true,
    autoStart: true,
    acceptGap: true,
    walMethod: 'barman-get-wal',
  });
  expect(wordsOf(all, ['-i', 'lab.yml']).join(' ')).toBe(
    'recover 20260123T120000 2026-01-23 12:30:00+00 --target db2 --restore --wal-method barman-get-wal --auto-start --accept-gap -i lab.yml',
  );
});

describe('an order that is typed again', () => {
  const parsed = (...words: readonly string[]) => {
    const read = parseArguments(recover, words);
    if (read.help) throw new Error('that is no order');
    return read.invocation.options as unknown as Parameters<typeof wordsBeside>[0];
  };
  const variables = (words: readonly string[], masker = new Masker()) =>
    readExtraVars(parsed(...words), {
      cwd: '/',
      env: {},
      stdin: new PassThrough(),
      stderr: { write: () => true },
      masker,
    });

  it.each([
    ['-e', 'timeline=2', '-e', 'pg_port=5433 check=a b', '--forks', '3', '-K'],
    ['-i', 'lab.yml', '-e', "note=it's", '-e', '{"verify": [{"sql": "x"}]}'],
    ['--limit', 'all:!db3'],
  ])('has all that was said beside it: %j', (...words) => {
    const options = parsed('auto', 'latest', ...words);
    const again = parsed(...wordsOf(order(), wordsBeside(options, {})).slice(1));
    expect(again).toEqual(options);
  });

  it.each(['shop', 'true', 'a b=c', '"x"', '{y}'])(
    'says the cluster that PATRONI_CLUSTER_NAME named, %j, and -e still wins over it',
    async (name) => {
      const env = { PATRONI_CLUSTER_NAME: name };
      const words = (...typed: readonly string[]) =>
        wordsOf(order(), wordsBeside(parsed('auto', 'latest', ...typed), env)).slice(1);
      expect(await variables(words())).toEqual({ patroni_cluster: name });
      expect(await variables(words('-e', 'patroni_cluster=other'))).toEqual({ patroni_cluster: 'other' });
    },
  );

  it('says where a secret in it is masked', async () => {
    const masker = new Masker();
    const typed = ['auto', 'latest', '-e', "db_password=it's hidden"];
    await variables(typed, masker);
    const { command, notes } = commandAgain(order(), wordsBeside(parsed(...typed), {}), masker);
    expect(masker.text(command)).not.toContain('hidden');
    expect(notes).toEqual(['Where it shows ********, type the secret again.']);
    expect(commandAgain(order(), ['-e', 'a=b'], masker).notes).toEqual([]);
  });
});
