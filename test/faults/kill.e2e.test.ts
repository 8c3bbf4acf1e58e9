import { killTheController } from './kill-suite.ts';

/** A part of `npm run test:faults`: the controller dies when the node is half out of the cluster, and when nobody leads. */
killTheController({
  beforeCutOver: [{ during: 'Take the node out of the cluster', afterMs: 300 }],
  inCutOver: [{ during: 'Hand the recovered node to Patroni', afterMs: 0 }],
  // The new base backup is the last thing that a recovery does; it is in the long suite.
  words: ['-e', 'new_backup=false'],
  inARow: false,
});
