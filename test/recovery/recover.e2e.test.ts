import { recoverInEachWay } from './whole-cluster.ts';

/** Each transport, kind of moment and way to fetch WAL once; the other pairs are in recover.long.test.ts. */
recoverInEachWay([
  { transport: 'docker', moment: 'time', walMethod: 'barman-wal-restore' },
  { transport: 'ssh', moment: 'latest', walMethod: 'barman-get-wal' },
]);
