import { pausingModule } from '../../recovery/patroni/pausing-module.ts';

export const module = pausingModule(true, {
  summary: 'Pauses automatic failover of the Patroni cluster, and waits until all nodes know.',
  description:
    'No wall: while it is paused, stopping Patroni leaves its PostgreSQL running (on the leader: as a writable primary), and a manual failover still works. The cut-over of a recovery does without it.',
  examples: `- patroni.pause:
  run_once: true`,
});
