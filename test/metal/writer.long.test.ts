import { describe } from 'vitest';
import { writeThroughRecoveries } from '../faults/writer-suite.ts';
import { metalLab } from './metal-lab.ts';

describe('hosts with systemd, reached over SSH as an ordinary user', () => {
  // `PITR_WRITER_RUNS` says how many.
  writeThroughRecoveries(
    Number(process.env.PITR_WRITER_RUNS ?? 10),
    [],
    {},
    {
      lab: () => metalLab([]),
      inventory: ({ files }) => files.metalInventory,
    },
  );
});
