import { describe, expect, it } from 'vitest';
import { logLines } from '../../../../lib/recovery/patroni/member-logs.ts';
import { sinceStart } from '../../../../lib/recovery/postgres/collected-log.ts';
import { isUp } from '../../../../lib/recovery/postgres/instance-control.ts';
import { NOTHING_LOGGED, readLog } from '../../../../lib/recovery/postgres/log.ts';
import { settingsOfPlainStart } from '../../../../lib/recovery/postgres/start-settings.ts';

const START =
  '2026-11-27 20:00:00.000 UTC [9] LOG:  starting PostgreSQL 15.20 (Debian 15.20-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit';

describe('the log that a collector has written', () => {
  it('counts from the last start in it: an older FATAL is not the reason of this one', () => {
    const text = `2026-11-27 19:00:00.000 UTC [5] FATAL:  old trouble\n${START}\n2026-11-27 20:00:00.100 UTC [9] FATAL:  maximum number of prepared transactions reached\n2026-11-27 20:00:00.100 UTC [9] HINT:  Increase "max_prepared_transactions" (currently 0).\n`;
    const facts = readLog(NOTHING_LOGGED, `${sinceStart(text).join('\n')}\n`);
    expect(facts.fatal).toEqual([
      'FATAL: maximum number of prepared transactions reached',
      '  HINT: Increase "max_prepared_transactions" (currently 0).',
    ]);
  });

  it('is understood as csvlog and as jsonlog', () => {
    const csv =
      '2026-11-27 20:00:00.100 UTC,,,9,,6568a5c0.9,3,,2026-11-27 20:00:00 UTC,,0,FATAL,58P01,"could not open file ""x"": No such file","a detail","a hint",,,,,,,"","postmaster",,0';
    const json =
      '{"timestamp":"2026-11-27 20:00:00.100 UTC","pid":9,"error_severity":"FATAL","state_code":"58P01","message":"could not open file \\"x\\": No such file","hint":"a hint"}';
    for (const line of [csv, json]) {
      const facts = readLog(NOTHING_LOGGED, `${sinceStart(line).join('\n')}\n`);
      expect(facts.fatal.slice(0, 1)).toEqual(['FATAL: could not open file "x": No such file']);
      expect(facts.fatal.at(-1)).toBe('  HINT: a hint');
    }
  });
});

describe('a start is over', () => {
  const logged = (...words: readonly string[]) =>
    readLog(NOTHING_LOGGED, words.map((one) => `2026-11-27 20:00:00.100 UTC [9] LOG:  ${one}\n`).join(''));
  const redo = 'redo starts at 0/5000028';

  it('where it lets somebody in, or replays an archive', () => {
    expect(isUp({ status: 'ready' }, NOTHING_LOGGED)).toBe(true);
    expect(isUp({ status: 'standby', signal: 'standby' }, NOTHING_LOGGED)).toBe(true);
    expect(isUp({ status: 'starting', signal: 'standby' }, logged('entering standby mode'))).toBe(true);
    expect(isUp({ status: 'starting', signal: 'recovery' }, logged(redo))).toBe(true);
  });

  it('not while it only goes on after a crash', () => {
    expect(isUp({ status: 'starting' }, NOTHING_LOGGED)).toBe(false);
    expect(isUp({ status: 'starting' }, logged(redo))).toBe(false);
  });
});

describe('the settings of a start that reads its own files', () => {
  it('are as high as the instance needed them, where its files say less', () => {
    const configured = new Map([
      ['max_prepared_transactions', '0'],
      ['max_connections', '100'],
      ['log_destination', 'stderr'],
    ]);
    const needed = { max_prepared_transactions: 5, max_connections: 100, max_wal_senders: 10 };
    expect(settingsOfPlainStart(configured, needed)).toEqual([['max_prepared_transactions', '5']]);
  });

  it.each([
    ['stderr', 'off', undefined],
    ['stderr', 'on', undefined],
    ['csvlog', 'on', undefined],
    ['csvlog', 'off', 'csvlog,stderr'],
    ['syslog', 'on', 'syslog,stderr'],
    ['', 'off', 'stderr'],
  ])('log_destination "%s" with the collector %s: %s', (destination, collector, wanted) => {
    const configured = new Map([
      ['log_destination', destination],
      ['logging_collector', collector],
    ]);
    expect(settingsOfPlainStart(configured)).toEqual(
      wanted === undefined ? [] : [['log_destination', wanted]],
    );
  });
});

it('the end of a log that is empty is not told', () => {
  expect(logLines('@log Patroni\nsaid\n\n@log PostgreSQL\n\n')).toEqual([
    "The end of Patroni's log:",
    '  said',
  ]);
});
