import { type CompleteBackup, isComplete } from '../barman/backup-info.ts';
import { serversOf } from './barman-facts.ts';
import type { BarmanFacts, Facts, Stock } from './facts.ts';
import { type Flaw, flawsOf } from './finding.ts';
import { barmanOn } from './mend.ts';
import { leaderNode } from './views.ts';

/** The servers of this cluster, and what is in the archives. */
export function inStock(
  facts: Facts,
  judge: (stock: Stock, barman: BarmanFacts) => readonly Flaw[],
): readonly Flaw[] {
  const { barman } = facts;
  if (barman === undefined)
    return [{ severity: 'unknown', text: 'cannot tell: it is not known where Barman is', mend: [] }];
  return flawsOf(barman.stock, barman.place.name, (stock) =>
    judge({ ...stock, servers: serversOf(stock, barman.place) }, barman),
  );
}

/** Of the cluster that is running, where that is known; newest first. */
export function completeBackups(stock: Stock, facts: Facts): readonly CompleteBackup[] {
  const leader = leaderNode(facts);
  const id = leader !== undefined && 'value' in leader.sql ? leader.sql.value.system_id : undefined;
  return stock.servers
    .flatMap(({ backups }) => backups)
    .filter(isComplete)
    .filter(({ systemId }) => id === undefined || systemId === undefined || systemId === id)
    .sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** How a new backup is taken: from the leader's server. */
export function takeOne(facts: Facts): string {
  const server = leaderNode(facts)?.place?.barmanServer;
  return server === undefined
    ? `Take a new backup: pitr play backup.yml${facts.inventoryOptions}`
    : `Take a new backup: ${barmanOn(facts, 'backup', '--wait', server)}`;
}
