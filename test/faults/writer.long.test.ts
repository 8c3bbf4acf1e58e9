import { writeThroughRecoveries } from './writer-suite.ts';

// `PITR_WRITER_RUNS` says how many.
writeThroughRecoveries(Number(process.env.PITR_WRITER_RUNS ?? 20));
