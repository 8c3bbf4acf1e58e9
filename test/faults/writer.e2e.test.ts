import { writeThroughRecoveries } from './writer-suite.ts';

// One recovery; twenty are in writer.long.test.ts.
writeThroughRecoveries(1);
