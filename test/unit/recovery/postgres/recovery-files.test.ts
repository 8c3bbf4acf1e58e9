import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../../lib/base/values/byte-text.ts';
import { module } from '../../../../lib/modules/postgres/recovery.ts';
import { effectiveSettings } from '../../../../lib/recovery/postgres/conf-file.ts';
import { parseRecoveryFiles } from '../../../../lib/recovery/postgres/look-recovery-files.ts';
import {
  isNothing,
  leftovers,
  type RecoveryFiles,
  stepsToClean,
  stepsToPrepare,
  withoutPasswords,
} from '../../../../lib/recovery/postgres/recovery-files.ts';
import { recoveryParams } from '../../../../lib/recovery/postgres/recovery-params.ts';
import { keptSettings, recoverySettings } from '../../../../lib/recovery/postgres/recovery-settings.ts';
import {
  inOrder,
  oneLine,
  parseLogin,
  restoreCommandValues,
} from '../../../../lib/recovery/postgres/restore-command.ts';
import { checkedTarget } from '../../../../lib/recovery/wal/target.ts';
import { quote } from '../../../../lib/transport/quote.ts';

const CONF = `include 'postgresql.base.conf'
archive_command = 'barman-wal-archive -U barman barman db1 %p'
hba_file = '/var/lib/postgresql/15/patroni1/pg_hba.conf'
ident_file = '/etc/postgresql/pg_ident.conf'
`;

const restored = (more: Partial<RecoveryFiles> = {}): RecoveryFiles => ({
  texts: new Map([
    ['postgresql.auto.conf', "work_mem = '7MB'\n"],
    ['postgresql.conf', CONF],
  ]),
  names: new Set(['PG_VERSION', 'pg_hba.conf', 'standby.signal', '.barman-recover.info']),
  owned: true,
  mode: '0700',
  ...more,
});

const wish = { pgdata: '/data/patroni2', autoConf: 'recover\n', signal: 'recovery' as const };

describe('a restored directory', () => {
  it('gets its settings, one signal file, and the paths of this node', () => {
    const steps = stepsToPrepare(restored(), wish);
    expect(steps.write.map(({ name }) => name)).toEqual([
      'postgresql.auto.conf',
      'postgresql.conf',
      'recovery.signal',
    ]);
    expect(steps.remove).toEqual(['standby.signal']);
    const conf = steps.write[1]?.text;
    expect(conf).toContain("\nhba_file = '/data/patroni2/pg_hba.conf'\n");
    expect(conf).toContain("\narchive_command = 'false'\n");
    // Lies outside of the data directory: the backup says nothing of it.
    expect(conf).toContain("\nident_file = '/etc/postgresql/pg_ident.conf'\n");
  });

  it('is in the journal by the names of its files alone: an undo puts the old ones back, whatever stood in them', () => {
    const steps = stepsToPrepare(restored(), { ...wish, autoConf: "app.password = 'S3cretOne9'\n" });
    const state = { known: true, steps, recovering: false, before: '', after: '' } as const;
    const p = { directory: '/d', pgdata: '/data/patroni2', target: 'latest', timeline: 1, server: 'db1' };
    const planned = module.plan(
      { ...state, kept: [], dropped: [], raised: {} },
      recoveryParams.parse({ ...p, begin_wal: '000000010000000000000001' }),
    );
    const { forApply, diff: _, ...journalled } = planned ?? {};
    expect(forApply).toEqual({ write: steps.write });
    expect(journalled).toMatchObject({
      steps: { write: steps.write.map(({ name }) => ({ name })), remove: ['standby.signal'] },
    });
    expect(JSON.stringify(journalled)).not.toContain('S3cretOne9');
  });

  it('follows nobody, though its node was a replica: nothing waits for a restart once Patroni has it as a leader', () => {
    const nodeConf = `${CONF}port = '5431'\nprimary_conninfo = 'host=db1'\nrecovery_target_timeline = 'latest'\n`;
    const conf = stepsToPrepare(restored({ nodeConf }), wish).write[1]?.text ?? '';
    expect(conf).toContain("\nport = '5431'\n");
    expect(conf).not.toMatch(/^(primary_conninfo|recovery_target)/m);
  });

  it('without any configuration gets one, and lets in its owner: a streamed backup of a node that is configured outside', () => {
    const streamed = { texts: new Map<string, string>(), names: new Set(['PG_VERSION', 'standby.signal']) };
    const write = stepsToPrepare(restored(streamed), { ...wish, signal: 'standby' }).write;
    expect(write.map(({ name }) => name)).toEqual(['postgresql.auto.conf', 'postgresql.conf', 'pg_hba.conf']);
    expect(effectiveSettings(write[1]?.text ?? '?')).toEqual(new Map());
    expect(write[2]?.text).toMatch(/^local all all peer$/m);
    const texts = new Map(write.map(({ name, text }) => [name, text] as const));
    const names = new Set([...streamed.names, ...texts.keys()]);
    expect(isNothing(stepsToPrepare(restored({ texts, names }), { ...wish, signal: 'standby' }))).toBe(true);
    // what Patroni of the node has is better
    expect(stepsToPrepare(restored({ ...streamed, nodeConf: CONF }), wish).write[1]?.text).toContain(
      'include',
    );
    const outside = { directory: '/etc/postgresql', text: '' };
    expect(
      stepsToPrepare(restored({ ...streamed, outside }), wish).write.map(({ name }) => name),
    ).not.toContain('pg_hba.conf');
  });

  it('that is ready needs nothing', () => {
    const steps = stepsToPrepare(restored(), wish);
    const texts = new Map([
      ...restored().texts,
      ...steps.write.map(({ name, text }) => [name, text] as const),
    ]);
    const names = new Set(['PG_VERSION', 'pg_hba.conf', 'recovery.signal']);
    expect(isNothing(stepsToPrepare(restored({ texts, names }), wish))).toBe(true);
  });

  it('is given to its user when it belongs to another', () => {
    expect(stepsToPrepare(restored({ owned: false }), wish).own).toBe(true);
  });

  it('is rid of all that would go into every replica, and of nothing else', () => {
    const names = new Set([
      'PG_VERSION',
      'base',
      'pg_hba.conf.backup',
      'pg_hba.conf.pitr-open',
      '.barman-recover.info',
      'barman_wal',
      'postgresql.conf.origin',
      'recovery.signal',
      'postgresql.auto.conf.before-pitr',
      'pg_wal/RECOVERYXLOG.pitr',
    ]);
    expect(leftovers(names)).toEqual([...names].slice(4));
    expect(stepsToClean(restored({ names }), "work_mem = '7MB'\n").write).toEqual([]);
  });

  it('keeps the bytes that are no text where it is written anew', () => {
    const before = Buffer.from("# f\xfcr alle\ndata_directory = '/old'\n", 'latin1');
    const files = parseRecoveryFiles(
      `@own postgres 700\n@file postgresql.base.conf ${before.toString('base64')}\n@names\n`,
      'postgres',
    );
    const { write } = stepsToPrepare(files, { pgdata: '/new', autoConf: '', signal: 'recovery' });
    const text = write.find(({ name }) => name === 'postgresql.base.conf')?.text ?? '';
    expect(Buffer.from(bytesOf(text)).toString('latin1')).toBe(
      "# f\xfcr alle\n#PITR#data_directory = '/old'\ndata_directory = '/new'\n",
    );
  });

  it('is read with text that holds anything', () => {
    const text = "@names\n'ü'\n";
    const answer = `@own postgres 700\n@file postgresql.conf ${Buffer.from(text).toString('base64')}\n@names\nbase\n@own x\n`;
    const files = parseRecoveryFiles(answer, 'postgres');
    expect(files.texts.get('postgresql.conf')).toBe(text);
    expect(files.owned).toBe(true);
    expect([...files.names]).toEqual(['base', '@own x']);
  });
});

describe('settings made with ALTER SYSTEM', () => {
  it('survive, those of a recovery and of another archive do not', () => {
    const { kept, dropped } = keptSettings({
      present: new Map([
        ['restore_command', 'x'],
        ['work_mem', '8MB'],
      ]),
      origin: new Map([
        ['shared_buffers', '1GB'],
        ['work_mem', '7MB'],
        ['primary_conninfo', 'password=secret'],
        ['archive_command', 'to db1'],
      ]),
    });
    expect(kept).toEqual([
      { name: 'shared_buffers', value: '1GB' },
      { name: 'work_mem', value: '8MB' },
    ]);
    expect(dropped).toEqual(['primary_conninfo', 'archive_command', 'restore_command']);
  });
});

describe('the settings of a recovery', () => {
  it('name the moment with its offset and the timeline as a number', () => {
    const target = checkedTarget('2026-11-22T16:41:19.596747+01:00');
    const settings = recoverySettings({ target, timeline: 3, action: 'pause', restoreCommand: 'x' });
    expect(settings.slice(1, 4)).toEqual([
      { name: 'recovery_target_timeline', value: '3' },
      { name: 'recovery_target_time', value: '2026-11-22 15:41:19.596747+00' },
      { name: 'recovery_target_action', value: 'pause' },
    ]);
  });

  it.each([
    [{ lsn: '16/B374D848' }, ['recovery_target_lsn = 16/B374D848']],
    [
      { lsn: '0/5000060', inclusive: false },
      ['recovery_target_lsn = 0/5000060', 'recovery_target_inclusive = off'],
    ],
    [{ xid: 731, found_at: '0/5000060' }, ['recovery_target_xid = 731']],
    [{ xid: '731', inclusive: false }, ['recovery_target_xid = 731', 'recovery_target_inclusive = off']],
    [{ name: "vor 'allem'" }, ["recovery_target_name = vor 'allem'"]],
    [{ immediate: true }, ['recovery_target = immediate']],
    [
      { time: '2026-11-22 15:41:19+00', inclusive: false },
      ['recovery_target_time = 2026-11-22 15:41:19+00', 'recovery_target_inclusive = off'],
    ],
  ])('name any target, and only one: %j', (param, expected) => {
    const target = checkedTarget(param);
    const settings = recoverySettings({ target, timeline: 3, action: 'pause', restoreCommand: 'x' });
    const lines = settings.map(({ name, value }) => `${name} = ${value}`);
    expect(lines.slice(2, 2 + expected.length)).toEqual(expected);
    expect(lines[2 + expected.length]).toBe('recovery_target_action = pause');
  });

  it('can name the timeline of the data without its number', () => {
    const settings = recoverySettings({
      target: { kind: 'latest' },
      timeline: 'current',
      action: 'pause',
      restoreCommand: 'x',
    });
    expect(settings).toContainEqual({ name: 'recovery_target_timeline', value: 'current' });
  });

  it('set no target for latest', () => {
    const settings = recoverySettings({
      target: { kind: 'latest' },
      timeline: 1,
      action: 'pause',
      restoreCommand: 'x',
    });
    expect(settings.map(({ name }) => name)).not.toContain('recovery_target_time');
  });
});

describe('restore_command', () => {
  const facts = {
    method: 'barman-get-wal' as const,
    login: { user: 'barman', host: 'barman' },
    servers: ['db1'],
    directories: ["/a'b %f/$(x)"],
    segmentSize: 16777216,
    signal: 'standby' as const,
  };

  it('quotes for sh, and doubles what PostgreSQL would replace', () => {
    expect(restoreCommandValues(facts, quote).directories).toBe("'/a'\\''b %%f/$(x)'");
  });

  it('stops a recovery that is in doubt, and lets a standby ask again', () => {
    expect(restoreCommandValues(facts, quote).doubt_exit).toBe('75');
    expect(Number(restoreCommandValues({ ...facts, signal: 'recovery' }, quote).doubt_exit)).toBeGreaterThan(
      125,
    );
  });

  it('is one line', () => {
    expect(oneLine('\n  a;\n\n    b;\n')).toBe('a; b;');
  });

  it("asks the backup's server first, each once", () => {
    expect(inOrder('db3', ['db1', 'db3', 'db2'])).toEqual(['db3', 'db1', 'db2']);
  });

  it.each(['barman', '-o@host', 'a b@host', 'barman@-host', 'barman@host;x'])(
    'takes no login like %s',
    (text) => {
      expect(parseLogin(text)).toBeUndefined();
    },
  );
});

it('differences that people see hold no passwords', () => {
  const text = "primary_conninfo = 'user=r password=geheim host=a password=''zwei worte'' port=1'";
  const shown = withoutPasswords(text);
  expect(shown).not.toMatch(/geheim|zwei|worte/);
  expect(shown).toContain('host=a');
  expect(shown).toContain('port=1');
});
