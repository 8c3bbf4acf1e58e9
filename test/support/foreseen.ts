import { expect } from 'vitest';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { tasksThat } from './pitr.ts';

/** What a leader archives by itself as it stops is not left to be archived: on a slow machine it mostly has the time. */
const PERHAPS = ': Archive the last WAL of the old leader';

/** The run has changed what --check had said; and what --check had said that it could not know. */
export function expectForeseen(check: readonly PitrEvent[], run: readonly PitrEvent[]): void {
  const open = tasksThat('unknown', check);
  const changed = tasksThat('changed', run).filter((task) => !open.includes(task));
  const foreseen = tasksThat('changed', check).filter(
    (task) => !task.endsWith(PERHAPS) || changed.includes(task),
  );
  expect(changed).toEqual(foreseen);
}
