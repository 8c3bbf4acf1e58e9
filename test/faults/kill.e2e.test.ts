import { killTheController } from './kill-suite.ts';

/** A part of `npm run test:faults`: once where a copy, once where the node is half out of the cluster, once in the cut-over. */
killTheController({
  beforeCutOver: [
    { during: 'Restore the base backup beside the live data', afterMs: 1500 },
    { during: 'Take the node out of the cluster', afterMs: 300 },
  ],
  inCutOver: [{ during: 'Hand the recovered node to Patroni', afterMs: 500 }],
});
