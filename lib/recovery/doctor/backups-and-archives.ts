import { type CompleteBackup, isComplete } from '../barman/backup-info.ts';
import type { Check as BarmanCheck } from '../barman/json.ts';
import { mergedFor, positionOf } from '../barman/recovery-wal.ts';
import { type Range, rangesOf } from '../wal/ranges.ts';
import { type Told, toldAtOnce } from './answer.ts';
import { clustersOf, serversOf } from './barman-facts.ts';
import type { BarmanLook } from './barman-script.ts';
import { barmanOn } from './commands-to-type.ts';
import type { BarmanFacts, Facts, Stock } from './facts.ts';
import { type Flaw, flawsOf } from './finding.ts';
import { ofBarman } from './of-barman.ts';
import { clusterId, leaderNode } from './views.ts';

/** The servers of this cluster that count. Not known where one of them could not be read. */
export function countedServers(
  facts: Facts,
  stock: Stock,
  { place }: Pick<BarmanFacts, 'place'>,
): Told<Stock['servers']> {
  const id = clusterId(facts.nodes);
  const nodes = facts.nodes.flatMap((node) => node.place ?? []);
  return toldAtOnce(() => serversOf(stock, place, id === undefined ? clustersOf(stock, nodes) : [id]));
}

/** The servers of this cluster, and what is in the archives. */
export function inStock(
  facts: Facts,
  judge: (stock: Stock, barman: BarmanFacts) => readonly Flaw[],
): readonly Flaw[] {
  return ofBarman(facts, (barman) =>
    flawsOf(barman.stock, barman.place.name, (stock) =>
      flawsOf(countedServers(facts, stock, barman), barman.place.name, (servers) =>
        judge({ ...stock, servers }, barman),
      ),
    ),
  );
}

/**
 * What was seen of Barman's host. A flaw stands for each server of this cluster of which it was not: where nobody looks
 * nothing is found.
 */
export function ofEachServer(
  facts: Facts,
  seen: (look: BarmanLook, server: Stock['servers'][number]) => boolean,
  judge: (look: BarmanLook, barman: BarmanFacts) => readonly Flaw[],
): readonly Flaw[] {
  return ofBarman(facts, (barman) => {
    const host = barman.place.name;
    return flawsOf(barman.look, host, (look) => [
      ...judge(look, barman),
      ...inStock(facts, ({ servers }) =>
        servers.length === 0
          ? [unknownOf(host, 'cannot tell: Barman has no server')]
          : servers
              .filter((server) => !seen(look, server))
              .map(({ name }) =>
                unknownOf(host, `cannot tell of server ${name}: its directories could not be looked into`),
              ),
      ),
    ]);
  });
}

function unknownOf(host: string, text: string): Flaw {
  return { severity: 'unknown', host, text, mend: [] };
}

/** Of the cluster that is running, where that is known; newest first. */
export function completeBackups(stock: Stock, facts: Facts): readonly CompleteBackup[] {
  const id = clusterId(facts.nodes);
  return stock.servers
    .flatMap(({ backups }) => backups)
    .filter(isComplete)
    .filter(({ systemId }) => id === undefined || systemId === undefined || systemId === id)
    .sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** What can be reached from a backup. */
interface Reach {
  readonly backup: CompleteBackup;
  readonly ranges: readonly Range[];
}

/** From every complete backup, newest first. */
export function reaches(stock: Stock, facts: Facts): readonly Reach[] {
  return completeBackups(stock, facts).map((backup) => reachOf(stock, backup));
}

function reachOf({ servers, archives }: Stock, backup: CompleteBackup): Reach {
  return { backup, ranges: rangesOf(positionOf(backup), mergedFor(backup, { servers, archives })) };
}

/** Bytes of WAL that a recovery of the newest backup to its end replays; none where there is no backup. */
export function walToReplay(facts: Facts): Told<number> {
  const { barman } = facts;
  if (barman === undefined) return { unknown: 'it is not known where Barman is', next: [] };
  if (!('value' in barman.stock)) return barman.stock;
  const servers = countedServers(facts, barman.stock.value, barman);
  if (!('value' in servers)) return servers;
  const stock = { ...barman.stock.value, servers: servers.value };
  const [newest] = completeBackups(stock, facts);
  if (newest === undefined) return { value: 0 };
  const { ranges } = reachOf(stock, newest);
  return { value: Math.max(0, ...ranges.map(({ segments }) => segments)) * newest.segmentSize };
}

/** How a new backup is taken: from the leader's server. */
export function takeOne(facts: Facts): string {
  const server = leaderNode(facts)?.place?.barmanServer;
  return server === undefined
    ? `Take a new backup: pitr play backup.yml${facts.inventoryOptions}`
    : `Take a new backup: ${barmanOn(facts, 'backup', '--wait', server)}`;
}

/** Where there is no backup nothing can be said of the newest one: that there is none another check tells. */
export function noBackup(facts: Facts, host: string): Flaw {
  return {
    severity: 'unknown',
    host,
    text: 'cannot tell: there is no complete backup of this cluster',
    mend: [takeOne(facts)],
  };
}

/** Barman's own checks of a server. Not known where its report leaves the server out. */
export function checksOf(checks: BarmanFacts['checks'], server: string): Told<readonly BarmanCheck[]> {
  if (!('value' in checks)) return checks;
  const own = checks.value.get(server);
  return own === undefined
    ? { unknown: `the report of barman check says nothing of server ${server}`, next: [] }
    : { value: own };
}
