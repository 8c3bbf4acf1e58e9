import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  compareCheckpoint,
  compareTransactions,
  compareWal,
  type MemberPosition,
  parsePosition,
  walWindows,
} from '../../../../lib/recovery/patroni/history-evidence.ts';
import { parseFoundInstance } from '../../../../lib/recovery/patroni/leader-instance.ts';
import type { RunResult } from '../../../../lib/transport/types.ts';

// Of a real replica: PostgreSQL 15.
const PRINTED = `Database cluster state:               in archive recovery
Latest checkpoint location:           0/D002970
Latest checkpoint's REDO location:    0/D002938
Latest checkpoint's TimeLineID:       3
Latest checkpoint's NextXID:          0:750
Bytes per WAL segment:                16777216
Replayed: 0/D0029E8
`;

const RECORD =
  'rmgr: XLOG        len (rec/tot):    114/   114, tx:          0, lsn: 0/0D002970, prev 0/0D002938, desc: CHECKPOINT_ONLINE redo 0/D002938; tli 3; prev tli 3; fpw true; xid 0:750; oid 24582; multi 1; offset 0; oldest xid 717 in DB 1; oldest multi 1 in DB 1; oldest/newest commit timestamp xid: 0/0; oldest running xid 750; online\n';

const position = parsePosition(PRINTED) as MemberPosition;

describe('the instance that members stream from', () => {
  it('is the one of that port, and nobody knows which where there are two', () => {
    const one = '/srv/data\n/usr/lib/postgresql/15/bin\n';
    expect(parseFoundInstance(one)).toEqual({ pgdata: '/srv/data', bin: '/usr/lib/postgresql/15/bin' });
    expect(parseFoundInstance('')).toBeUndefined();
    expect(parseFoundInstance(`${one}/srv/other\n/usr/lib/postgresql/15/bin\n`)).toBeUndefined();
  });
});

describe('the position of a member', () => {
  it('is read from its control file and its replay', () => {
    expect(position).toMatchObject({
      replayed: 0xd0029e8n,
      checkpoint: 0xd002970n,
      checkpointTimeline: 3,
      nextXid: '0:750',
    });
  });

  it('is not known where something does not tell', () => {
    expect(parsePosition(PRINTED.replace(/Replayed.*/, 'Replayed: '))).toBe(
      'it does not tell how far it has replayed',
    );
    expect(parsePosition(PRINTED.replace(/.*NextXID.*/, ''))).toMatch(/does not tell its latest checkpoint/);
  });
});

describe('WAL', () => {
  const windows = walWindows(position, 3);
  const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
  const nothing = createHash('sha256').digest('hex');

  it('is compared up to the position that was replayed, and at the end of the segment before', () => {
    expect(windows).toEqual([
      { segment: '00000003000000000000000D', offset: 0, bytes: 0x29e8 },
      { segment: '00000003000000000000000C', offset: 12 * 1024 * 1024, bytes: 4 * 1024 * 1024 },
    ]);
  });

  it.each([
    ['the same', `${a}\n${b}\n`, `${a}\n${b}\n`, 'same'],
    ['the same where one of them has only one segment', `${a}\n-\n`, `${a}\n${b}\n`, 'same'],
    ['another one', `${a}\n${b}\n`, `${a}\n${a}\n`, 'differs'],
    ['not comparable without a segment on both', `-\n${a}\n`, `${a}\n-\n`, 'untold'],
    ['not comparable where nothing answers', '', '', 'untold'],
    ['not comparable where it cannot be read', `${nothing}\n-\n`, `${nothing}\n-\n`, 'untold'],
  ])('is %s', (_, own, others, verdict) => {
    expect(compareWal(windows, own, others).verdict).toBe(verdict);
  });
});

describe("the checkpoint of the control file is in the leader's WAL", () => {
  it.each([
    ['as it stands there', 0, RECORD, '', 'same'],
    ['not where another one stands there', 0, RECORD.replace('0:750', '0:751'), '', 'differs'],
    [
      'not where the next record is a later one',
      0,
      RECORD.replace('0/0D002970', '0/0D002A00'),
      '',
      'differs',
    ],
    // A standby writes the next xid of the checkpoint that it replayed last into its control file, before it makes it its own.
    [
      'the leader has it, and the member has replayed a later one',
      0,
      RECORD.replace('0:750', '0:749'),
      '',
      'same',
    ],
    [
      'not where the record knows of transactions that the member does not',
      0,
      RECORD.replace('0:750', '0:751'),
      '',
      'differs',
    ],
    ['not where the epoch of the record is a later one', 0, RECORD.replace('0:750', '1:7'), '', 'differs'],
    ['not where there is another record', 0, RECORD.replace(/desc:.*/, 'desc: NOOP'), '', 'differs'],
    [
      'nobody knows once its segment is gone',
      1,
      '',
      'pg_waldump: error: could not find file "0000": x',
      'untold',
    ],
    ['nobody knows without an answer', undefined, '', '', 'untold'],
    ['nobody knows without pg_waldump', 127, '', 'sh: 1: /usr/pgsql-15/bin/pg_waldump: not found', 'untold'],
    ['nobody knows who is not let in', 126, '', 'sh: 1: /opt/bin/pg_waldump: Permission denied', 'untold'],
    [
      'not where no record stands',
      1,
      '',
      'pg_waldump: error: could not find a valid record after 0/D002970',
      'differs',
    ],
  ])('%s', (_, code, stdout, stderr, verdict) => {
    expect(compareCheckpoint(position, code, stdout, stderr).verdict).toBe(verdict);
  });

  it('is another one where that of the leader was written on another timeline', () => {
    expect(compareCheckpoint(position, 0, RECORD.replace('; tli 3;', '; tli 2;'), '').verdict).toBe(
      'differs',
    );
  });
});

describe('transactions', () => {
  const answer = (stdout: string, exitCode = 0): RunResult =>
    ({ exitCode, stdout, stderr: 'FATAL: no' }) as RunResult;

  it.each([
    ['ended alike', '{"0":"abc","1":"cca"}', '{"0":"abc","1":"cca"}', 'same'],
    ['did not: one is missing on the member', '{"1":"caa"}', '{"1":"cca"}', 'differs'],
    ['did not, in an older block', '{"0":"abc","1":"cc"}', '{"0":"abd","1":"cc"}', 'differs'],
    ['ended alike as far as both remember', '{"0":"--cc"}', '{"0":"-ccc"}', 'same'],
    ['are not known to both', '{"0":"---"}', '{"0":"ccc"}', 'untold'],
    ['are not known at all', '', '', 'untold'],
  ])('%s', (_, own, others, verdict) => {
    expect(compareTransactions(answer(own), answer(others)).verdict).toBe(verdict);
  });

  it('cannot be compared with who does not answer', () => {
    expect(compareTransactions(answer('{}'), answer('', 2))).toEqual({
      verdict: 'untold',
      words: 'the outcome of transactions: FATAL: no',
    });
  });
});
