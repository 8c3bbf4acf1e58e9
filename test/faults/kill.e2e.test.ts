import { killTheController } from './kill-suite.ts';

/** A part of `npm run test:faults`: the controller dies when the node is half out of the cluster. */
killTheController({
  beforeCutOver: [{ during: 'Take the node out of the cluster', afterMs: 300 }],
  inCutOver: [],
  inARow: false,
});
