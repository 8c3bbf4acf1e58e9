import { setTimeout as pause } from 'node:timers/promises';
import { describe } from 'vitest';
import { openLab, prefixFrom } from '../../lab/lab.ts';
import { freeze } from './inject-process.ts';
import { writeThroughRecoveries } from './writer-suite.ts';

/** The outage itself is what is tried: twice as long as Patroni's leader key lives. */
const OUTAGE_MS = 60_000;

describe('while etcd stands still from the moment at which the old leader is stopped', () => {
  writeThroughRecoveries(1, [], {
    'Stop the old leader, last': async () => {
      const lab = await openLab(prefixFrom(process.env));
      const mend = await freeze(lab, 'etcd', '/usr/bin/etcd');
      await pause(OUTAGE_MS);
      await mend();
    },
  });
});
