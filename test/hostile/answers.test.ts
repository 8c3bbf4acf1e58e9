import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJournal } from '../../lib/engine/journal/read.ts';
import { parseBackupInfo } from '../../lib/recovery/barman/backup-info.ts';
import { parseConfig } from '../../lib/recovery/barman/config.ts';
import { inRecovery, parseCheckReport, parseServerList } from '../../lib/recovery/barman/json.ts';
import { shellWords } from '../../lib/recovery/barman/ssh-words.ts';
import { parseXlogDbLine } from '../../lib/recovery/barman/xlog-db.ts';
import { parseClusterAnswer, parseMemberList } from '../../lib/recovery/patroni/cluster.ts';
import { parseNode } from '../../lib/recovery/patroni/node.ts';
import { parseAnswers } from '../../lib/recovery/patroni/rest.ts';
import { parseInstance } from '../../lib/recovery/postgres/instance.ts';
import { parseArchiveFileName } from '../../lib/recovery/wal/archive-file.ts';
import { hostileTexts, newCanary } from './values.ts';

/** What hosts answer: Barman, Patroni, PostgreSQL, files that others may write. It is data, whatever it holds. */

const TEXTS = hostileTexts(newCanary());
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...TEXTS));
const anyJson = fc.oneof(fc.jsonValue(), fc.dictionary(anyText, fc.oneof(anyText, fc.jsonValue())));

/** Runs a reader; a thrown Error is a refusal, anything else thrown is a fault. */
function read<T>(reader: () => T): T | undefined {
  try {
    return reader();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(TypeError);
    expect(error).not.toBeInstanceOf(RangeError);
    return undefined;
  }
}

const READERS: readonly (readonly [string, (text: string) => unknown])[] = [
  ["barman's backup.info", (text) => parseBackupInfo('db1', '20261122T155813', text)],
  ["barman's configuration", (text) => parseConfig([text])],
  ["barman's check", parseCheckReport],
  ["barman's list of servers", parseServerList],
  ["barman's show-server", (text) => inRecovery(text, 'db1')],
  ["barman's xlog.db", parseXlogDbLine],
  ['names of archived files', parseArchiveFileName],
  ["Patroni's cluster", parseClusterAnswer],
  ["patronictl's list", parseMemberList],
  ["Patroni's node", parseNode],
  ['answers of REST addresses', parseAnswers],
  ['the look at an instance', parseInstance],
  ['a journal', (text) => parseJournal(text, '/journal.jsonl')],
  ['an ssh command', shellWords],
];

describe.each(READERS)('%s', (_, reader) => {
  it('is read or refused, whatever text it is', () => {
    fc.assert(fc.property(anyText, (text) => void read(() => reader(text))));
    read(() => reader('x'.repeat(100_000)));
    read(() => reader('[{"a":'.repeat(20_000)));
  });

  it('is read or refused, whatever JSON it is', () => {
    fc.assert(fc.property(anyJson, (value) => void read(() => reader(JSON.stringify(value)))));
  });
});

describe('names from outside', () => {
  it('of members are keys of their own, also those that the language knows', () => {
    for (const name of TEXTS) {
      const view = parseClusterAnswer(
        JSON.stringify({ members: [{ name, role: 'replica', state: 'running' }] }),
      );
      expect(Object.keys(view.members)).toEqual([name]);
      expect(view.members[name]?.name).toBe(name);
    }
  });

  it('of servers are kept whole', () => {
    for (const name of TEXTS) {
      const listed = parseServerList(JSON.stringify(Object.fromEntries([[name, { description: 'x' }]])));
      if (name !== '__proto__') expect(listed).toEqual([name]);
    }
  });

  it('in backup.info are data, tablespaces too', () => {
    for (const name of TEXTS.filter((text) => !/[\n\r]/.test(text))) {
      const python = `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
      const { tablespaces } = parseBackupInfo(
        'db1',
        '20261122T155813',
        `tablespaces=[(${python}, 1, '/srv/x')]`,
      );
      expect(tablespaces.map((one) => one.name)).toEqual([name]);
    }
  });
});
