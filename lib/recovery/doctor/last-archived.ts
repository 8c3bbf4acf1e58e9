import type { ReadHost } from '../../contract/host.ts';
import { ownServers, readStock } from './barman-facts.ts';
import type { BarmanFacts, NodeFacts, Stock } from './facts.ts';
import type { BarmanPlace } from './place.ts';
import { leaderIn } from './views.ts';

/** `000000010000000000000007` of `000000010000000000000007.00000028.backup`. */
const SEGMENT_NAME = 24;

/** Whether an archive has what PostgreSQL names. Of a note about a backup it has the segment that the note is about. */
function holds({ files, histories }: Stock['archives'][number], last: string): boolean {
  const named = last.endsWith('.backup') ? last.slice(0, SEGMENT_NAME) : last;
  return (
    files.some(({ segment, partial }) => named === (partial ? `${segment}.partial` : segment)) ||
    histories.some(
      ({ history }) => named === `${history.timeline.toString(16).toUpperCase().padStart(8, '0')}.history`,
    )
  );
}

/** The servers of the cluster with this system id whose archive has it. Names of segments are the same in every cluster. */
export function serversHolding(stock: Stock, place: BarmanPlace, id: string, last: string): Stock['servers'] {
  return ownServers(stock, place).filter(
    ({ name, systemId }) =>
      (systemId ?? id) === id &&
      stock.archives.some((archive) => archive.server === name && holds(archive, last)),
  );
}

/**
 * What lies on Barman's host, as the leader knows it. The archives are listed while the nodes are asked: what a leader has
 * archived since then is not in that list, though it may have arrived. So they are listed once more before that is judged.
 */
export async function stockSince(
  host: ReadHost,
  { stock, place }: Pick<BarmanFacts, 'stock' | 'place'>,
  nodes: readonly NodeFacts[],
): Promise<BarmanFacts['stock']> {
  const leader = nodes.find(({ name }) => name === leaderIn(nodes)?.name);
  if (!('value' in stock) || leader === undefined || !('value' in leader.sql)) return stock;
  const { system_id: id, archived } = leader.sql.value;
  if (archived.last === null) return stock;
  const holding = serversHolding(stock.value, place, id, archived.last);
  const wanted = leader.place?.barmanServer;
  if (holding.some(({ name }) => wanted === undefined || name === wanted)) return stock;
  return readStock(host, place);
}
