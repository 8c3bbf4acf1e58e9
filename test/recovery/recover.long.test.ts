import { recoverInEachWay } from './whole-cluster.ts';

recoverInEachWay([
  { transport: 'ssh', moment: 'time', walMethod: 'barman-get-wal' },
  { transport: 'docker', moment: 'latest', walMethod: 'barman-wal-restore' },
  { transport: 'docker', moment: 'latest', walMethod: 'barman-get-wal' },
  { transport: 'ssh', moment: 'latest', walMethod: 'barman-wal-restore' },
]);
