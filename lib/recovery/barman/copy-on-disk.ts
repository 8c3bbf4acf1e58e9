import { posix } from 'node:path';
import type { WriteHost } from '../../contract/host.ts';
import type { BackupInfo } from './backup-info.ts';
import { type Destination, readDestination } from './destination.ts';
import { endReceivingRsync } from './end-rsync.ts';
import { markerBeside, type RestoreMarker } from './marker.ts';
import { copyNotOurs, destinationInUse } from './restore-refusals.ts';

/** A copy as a change names it, in plain data. */
export interface CopyOnDisk {
  readonly server: string;
  readonly backup: string;
  readonly destination: string;
  readonly owner: string;
  readonly tablespaces: Readonly<Record<string, string>>;
  readonly emptyBefore: boolean;
}

/** The destination, and each tablespace's place. */
export function placesOf({ destination, tablespaces }: CopyOnDisk): readonly string[] {
  return [destination, ...Object.values(tablespaces)];
}

/** Whether what lies there is this very backup, whole or in part, by our marker or by what Barman left. */
export function isCopyOf(found: Destination, backup: BackupInfo): boolean {
  if (found.kind !== 'directory') return false;
  const marker = found.complete ?? found.copying;
  if (marker !== undefined) return names(marker, { backup: backup.id, server: backup.server });
  const { copied } = found;
  return (
    copied !== undefined &&
    copied.server === backup.server &&
    copied.systemId === backup.systemId &&
    copied.begin === backup.beginLsn
  );
}

function names(marker: RestoreMarker, copy: Pick<CopyOnDisk, 'backup' | 'server'>): boolean {
  return marker.backup === copy.backup && marker.server === copy.server;
}

/**
 * Removes a copy and its marker. What is not this copy (any more), or has PostgreSQL running in it, is left and said.
 * Nothing there is fine: it has been removed or moved on already.
 */
export async function removeCopy(host: WriteHost, copy: CopyOnDisk): Promise<void> {
  const { destination, owner } = copy;
  const found = await readDestination(host, destination, owner, []);
  if (found.running) throw destinationInUse(destination, host.name);
  const marker = found.complete ?? found.copying;
  const ours = marker !== undefined && names(marker, copy);
  // A controller that died in the middle may have left a copy at work.
  if (ours && found.copying !== undefined) await endReceivingRsync(host, placesOf(copy), owner);
  if (found.kind !== 'absent' && !found.empty && !ours) throw copyNotOurs(destination, marker, host.name);
  const as = { user: owner };
  if (ours && found.kind === 'directory') {
    // Of a removal that breaks off, what is left is never taken for the whole: Barman has not finished it.
    await host.must(['rm', '-f', '--', posix.join(destination, '.barman-recover.info')], as);
    const inside = ['find', destination, '-mindepth', '1', '-delete'];
    await host.must(copy.emptyBefore ? inside : ['rm', '-rf', '--', destination], as);
    for (const place of Object.values(copy.tablespaces)) await host.must(['rm', '-rf', '--', place], as);
  }
  if (found.copying !== undefined && names(found.copying, copy))
    await host.must(['rm', '-f', '--', markerBeside(destination)], as);
}
