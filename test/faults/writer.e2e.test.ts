import { writeThroughRecoveries } from './writer-suite.ts';

// One recovery, which ends before the new base backup; twenty whole ones are in writer.long.test.ts.
writeThroughRecoveries(1, ['-e', 'new_backup=false']);
