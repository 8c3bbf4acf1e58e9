import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, dataDirectory } from '../../lab/topology.ts';
import type { Mend } from './inject-process.ts';

/** A small file system in memory that every container has: it can be filled and harms nobody. */
export const SMALL = '/dev/shm';

/** Fills the small file system of a node, until only so much is free. */
export async function fillSmall(lab: Lab, node: DatabaseHost, freeKilobytes: number): Promise<Mend> {
  const script = `rm -f "$1/filled"; free=$(df -Pk "$1" | awk 'END { print $4 }')
    [ "$free" -gt "$2" ] && dd if=/dev/zero of="$1/filled" bs=1024 count=$((free - $2)) status=none`;
  await lab.mustExec(node, ['sh', '-c', script, 'sh', SMALL, String(freeKilobytes)]);
  return async () => {
    await lab.exec(node, ['rm', '-f', `${SMALL}/filled`]);
  };
}

/** Puts the WAL of the restored data on the small file system, as a disk of its own for WAL is. */
export async function walOnSmall(lab: Lab, node: DatabaseHost): Promise<Mend> {
  const wal = `${dataDirectory(node)}.pitr/pg_wal`;
  const script = 'mv "$1" "$2/wal" && ln -s "$2/wal" "$1"';
  await lab.mustExec(node, ['sh', '-c', script, 'sh', wal, SMALL], { user: 'postgres' });
  return async () => {
    await lab.exec(node, ['rm', '-rf', `${SMALL}/wal`]);
  };
}
