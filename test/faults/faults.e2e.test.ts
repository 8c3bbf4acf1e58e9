import { faultsOfArchives } from './faults-of-archives.ts';
import { faultsOfNodes } from './faults-of-nodes.ts';
import { recoverWithFaults } from './faults-suite.ts';

/** A part of `npm run test:faults`: one that is refused, and one in the middle. */
const CHOSEN = ['a WAL segment is gone from the archive', 'PostgreSQL is killed in replay'];
const all = [...faultsOfArchives, ...faultsOfNodes];

recoverWithFaults(
  CHOSEN.map((words) => {
    const fault = all.find(({ name }) => name.startsWith(words));
    if (fault === undefined) throw new Error(`no fault is called "${words}"`);
    return fault;
  }),
);
