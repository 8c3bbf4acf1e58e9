import { writeThroughRecoveries } from './writer-suite.ts';

// A part of `npm run test:faults`.
writeThroughRecoveries(1);
