import { shortOfPolicy } from '../../barman/retention.ts';
import { instantAt } from '../../wal/instant.ts';
import { completeBackups, inStock, noBackup, takeOne } from '../backups-and-archives.ts';
import { barmanOn } from '../commands-to-type.ts';
import type { Facts } from '../facts.ts';
import type { Check, Flaw } from '../finding.ts';
import { timeBy } from '../host-clock.ts';
import { clusterId } from '../views.ts';
import { ofWhom } from './backups.ts';

/** What backups do not hold of what the configuration of their servers promises. */
function retention(facts: Facts): readonly Flaw[] {
  return inStock(facts, (stock, { place, look }) => {
    const id = clusterId(facts.nodes);
    // Where the inventory names no servers, those of other clusters stand among them.
    const own = stock.servers.filter(
      ({ systemId }) => id === undefined || systemId === undefined || systemId === id,
    );
    const promised = own.flatMap(({ name, retention: { policy } }) =>
      policy === undefined ? [] : [{ name, policy }],
    );
    if (promised.length === 0) return [];
    const backups = completeBackups(stock, facts);
    if (backups.length === 0) return [noBackup(facts, place.name)];
    const now = instantAt(BigInt(Math.round(timeBy(facts.now, look))) * 1000n);
    const flaws = [...new Set(promised.map(({ policy }) => policy))].flatMap((policy): readonly Flaw[] => {
      const short = shortOfPolicy(backups, policy, now);
      if (short === undefined) return [];
      const servers = promised.filter((one) => one.policy === policy).map(({ name }) => name);
      return [
        {
          severity: 'warning',
          host: place.name,
          text: `${short} (retention_policy of ${servers.join(', ')}: ${policy})`,
          mend: [
            'A site that is younger than that comes to it with time.',
            `Else see which backups have failed, or were deleted: ${barmanOn(facts, 'list-backup', 'all')}`,
            takeOne(facts),
          ],
        },
      ];
    });
    return [...ofWhom(facts, place.name), ...flaws];
  });
}

export const RETENTION_CHECKS: readonly Check[] = [
  {
    id: 'backups.retention',
    title: 'The backups reach as far back as the retention policy promises',
    meaning: 'A moment that is relied on cannot be recovered: there is no backup from before it.',
    needs: ['barman', 'stock', 'cluster', 'sql', 'instance'],
    judge: retention,
  },
];
