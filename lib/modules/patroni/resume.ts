import { pausingModule } from '../../recovery/patroni/pausing-module.ts';

export const module = pausingModule(false, {
  summary: 'Resumes automatic failover of the Patroni cluster, and waits until all nodes know.',
  description: 'Patroni then acts at once on all that has changed meanwhile.',
  examples: `- patroni.resume:
  run_once: true`,
});
