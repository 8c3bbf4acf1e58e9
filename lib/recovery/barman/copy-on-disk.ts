import { posix } from 'node:path';
import type { WriteHost } from '../../contract/host.ts';
import type { BackupInfo } from './backup-info.ts';
import { type Destination, readDestination } from './destination.ts';
import { endReceivingRsync } from './end-rsync.ts';
import { markerBeside, markerInside, type RestoreMarker } from './marker.ts';
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

/** The marker beside, where it is of this very backup: what is left of its copy is ours, also in places of tablespaces alone. */
export function begunCopy({ copying }: Destination, backup: BackupInfo): RestoreMarker | undefined {
  return copying !== undefined && names(copying, { backup: backup.id, server: backup.server })
    ? copying
    : undefined;
}

function names(marker: RestoreMarker, copy: Pick<CopyOnDisk, 'backup' | 'server'>): boolean {
  return marker.backup === copy.backup && marker.server === copy.server;
}

/**
 * Removes a copy, and its marker last: one that breaks off is gone on with by the next. What is not this copy (any more), or has
 * PostgreSQL running in it, is left and said. Nothing there is fine: it has been removed or moved on already.
 */
export async function removeCopy(host: WriteHost, copy: CopyOnDisk): Promise<void> {
  const { destination, owner } = copy;
  const found = await readDestination(host, destination, owner, []);
  if (found.running) throw destinationInUse(destination, host.name);
  const marker = found.complete ?? found.copying;
  const ours = marker !== undefined && names(marker, copy);
  if (found.kind === 'other' || (!found.empty && !ours)) throw copyNotOurs(destination, marker, host.name);
  if (!ours) return;
  // A controller that died in the middle may have left a copy at work.
  if (found.copying !== undefined) await endReceivingRsync(host, placesOf(copy), owner);
  const as = { user: owner };
  const beside = markerBeside(destination);
  // What is left of a removal that breaks off is never taken for the whole. It is moved: a full disk has no room for another one.
  if (found.complete !== undefined)
    await host.must(['mv', '-f', '-T', '--', markerInside(destination), beside], as);
  if (found.kind === 'directory') {
    // Barman, too, must not take it for what it has finished.
    await host.must(['rm', '-f', '--', posix.join(destination, '.barman-recover.info')], as);
    const inside = ['find', destination, '-mindepth', '1', '-delete'];
    await host.must(copy.emptyBefore ? inside : ['rm', '-rf', '--', destination], as);
  }
  for (const place of Object.values(copy.tablespaces)) await host.must(['rm', '-rf', '--', place], as);
  await host.must(['rm', '-f', '--', beside], as);
}
