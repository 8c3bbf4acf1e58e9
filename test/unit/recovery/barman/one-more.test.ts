import { describe, expect, it } from 'vitest';
import { parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import { deletedWords, openHolds } from '../../../../lib/recovery/barman/one-more.ts';
import { fixture } from './fixture.ts';

const text = fixture('backup.info');

function stock(name: string, systemId: string | undefined, ...heldFor: readonly (readonly string[])[]) {
  const backups = heldFor.map((runs, i) => ({
    ...parseBackupInfo(name, `2026112${i}T155813`, text),
    ...(runs.length === 0 ? {} : { heldFor: runs }),
  }));
  return { name, systemId, backups };
}

describe('what runs hold', () => {
  const db1 = stock('db1', '7', ['r2', 'r1'], [], ['r1']);
  const db2 = stock('db2', '7');
  const other = stock('x1', '42', ['r9']);

  it('counts on every server of the cluster, and on no other', () => {
    expect(openHolds(db2, [db1, db2, other])).toEqual({ runs: ['r1', 'r2'], here: [] });
    expect(openHolds(db1, [db1, db2, other])).toEqual({ runs: ['r1', 'r2'], here: ['r1', 'r2'] });
    expect(openHolds(other, [db1, db2, other])).toEqual({ runs: ['r9'], here: ['r9'] });
  });

  it('counts wherever it is where a server does not know its cluster yet', () => {
    const fresh = stock('db3', undefined);
    expect(openHolds(fresh, [db1, other, fresh]).runs).toEqual(['r1', 'r2', 'r9']);
  });
});

it('what is deleted is told in one text, and nothing in none', () => {
  expect(deletedWords({})).toBe('');
  expect(deletedWords({ first: 'All goes.', obsolete: 'One goes.' })).toBe('All goes. One goes.');
});
