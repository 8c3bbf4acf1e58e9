import { killTheController } from './kill-suite.ts';

/** A part of `npm run test:faults`: once where the node is half out of the cluster, once in the cut-over. */
killTheController({
  beforeCutOver: [{ during: 'Take the node out of the cluster', afterMs: 300 }],
  inCutOver: [{ during: 'Hand the recovered node to Patroni', afterMs: 500 }],
});
