import { killTheController } from './kill-suite.ts';

killTheController({ beforeCutOver: [], inCutOver: [], inARow: true });
