import { faultsOfArchives } from './faults-of-archives.ts';
import { faultsOfBarman } from './faults-of-barman.ts';
import { faultAtTheQuestion, faultsOfClusters } from './faults-of-clusters.ts';
import { faultsOfConnections } from './faults-of-connections.ts';
import { faultsOfMembers } from './faults-of-members.ts';
import { faultsOfNodes } from './faults-of-nodes.ts';
import { faultsOfStarts } from './faults-of-starts.ts';
import { recoverWithFaults } from './faults-suite.ts';

recoverWithFaults([
  ...faultsOfConnections,
  ...faultsOfBarman,
  ...faultsOfArchives,
  ...faultsOfNodes,
  ...faultsOfStarts,
  faultAtTheQuestion,
  ...faultsOfMembers,
  ...faultsOfClusters,
]);
