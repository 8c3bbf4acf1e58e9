import { expect } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { onBarman, timelineName } from '../support/archive-files.ts';
import { pitr } from '../support/pitr.ts';

/** The first two bytes of a file, in every archive that has it. */
const HEADS = 'for f in /var/lib/barman/*/wals/"$1"; do od -An -tx1 -N2 -- "$f" | tr -d " \\n"; echo; done';

/** Barman has packed what says where this timeline begins, and the moments of its backups are told all the same. */
export async function expectPackedHistory(lab: Lab, timeline: number): Promise<void> {
  const heads = await onBarman(lab, HEADS, `${timelineName(timeline)}.history`);
  expect(new Set(heads.trim().split('\n'))).toEqual(new Set(['1f8b']));
  const list = await pitr(['backups', '-i', lab.files.metalInventory, '--output', 'json']);
  expect([list.exitCode, list.stderr]).toEqual([0, '']);
  const kinds = (list.events as readonly { readonly type: string }[]).map(({ type }) => type);
  expect(new Set(kinds)).toEqual(new Set(['backup']));
}
