import { isPacked } from '../barman/backup-info.ts';
import { isStagedLocally } from '../barman/local-staging.ts';
import { completeBackups, inStock } from './backups-and-archives.ts';
import type { Facts } from './facts.ts';
import { type Flaw, flawsOf } from './finding.ts';

/** Of the newest backup: without a place to unpack it, or to put it together, Barman refuses to copy it. */
export function withoutStaging(facts: Facts): readonly Flaw[] {
  return inStock(facts, (stock, { place, look }) => {
    const [newest] = completeBackups(stock, facts);
    if (newest === undefined) return [];
    const server = stock.servers.find(({ name }) => name === newest.server);
    const flaw = (text: string, mend: readonly string[]): Flaw => ({
      ...{ severity: 'warning', host: place.name },
      ...{ text: `backup ${newest.id} is ${text}`, mend },
    });
    const unpacked =
      !isPacked(newest) || server?.stagingPath !== undefined
        ? []
        : [
            flaw(`compressed (${newest.compression ?? '?'}), and it is not said where it is to be unpacked`, [
              `In Barman's configuration of ${newest.server}: recovery_staging_path = /var/tmp, since Barman 3.15 staging_path = /var/tmp and staging_location = remote (a directory on the nodes with room for the packed backup)`,
              'Or for each recovery: -e staging_path=/var/tmp',
            ]),
          ];
    const { parent, encryption } = newest;
    if ((parent ?? encryption) === undefined || server?.localStagingPath !== undefined) return unpacked;
    const what = parent === undefined ? 'encrypted' : `a difference to ${parent}`;
    const put = parent === undefined ? 'decrypts it' : 'puts it together';
    const local = flawsOf(look, place.name, ({ version }) =>
      version === undefined || !isStagedLocally(newest, version)
        ? []
        : [
            flaw(`${what}, and it is not said where Barman ${put} on its own host`, [
              `In Barman's configuration of ${newest.server}: local_staging_path = /var/tmp (a directory on ${place.name} with room for all of the restored data)`,
            ]),
          ],
    );
    return [...unpacked, ...local];
  });
}
