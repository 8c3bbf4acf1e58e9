import type { Lab } from '../../lab/lab.ts';
import type { Mend } from './inject-process.ts';

/** Where Barman keeps a segment that a server of it has archived. */
export function archivedAt(server: string, segment: string): string {
  return `/var/lib/barman/${server}/wals/${segment.slice(0, 16)}/${segment}`;
}

/** The segments that a server has archived, the oldest first. */
export async function archived(lab: Lab, server: string): Promise<readonly string[]> {
  const script = 'cd "$1" && ls */ | grep -xE "[0-9A-F]{24}" | sort';
  const listed = await lab.mustExec('barman', ['sh', '-c', script, 'sh', `/var/lib/barman/${server}/wals`]);
  return listed.trim().split('\n');
}

/** Does something to a file of Barman's host; mended, it is as it was: content, owner, mode and times. */
export async function spoil(lab: Lab, path: string, how: 'remove' | 'truncate' | 'corrupt'): Promise<Mend> {
  const scripts = {
    remove: 'rm "$1"',
    truncate: 'truncate -s 5242880 "$1"',
    // All of its second quarter: wherever replay is in need of it.
    corrupt: 'dd if=/dev/urandom of="$1" bs=65536 seek=16 count=64 conv=notrunc status=none',
  } as const;
  // Barman counts files with several links; the copy lies elsewhere.
  const safe = `/root/spoilt.${path.replaceAll('/', '_')}`;
  await lab.mustExec('barman', ['cp', '-p', '--', path, safe]);
  await lab.mustExec('barman', ['sh', '-c', scripts[how], 'sh', path]);
  return async () => {
    const script = 'if [ -e "$2" ]; then cp -p -- "$2" "$1" && rm -- "$2"; fi';
    await lab.mustExec('barman', ['sh', '-c', script, 'sh', path, safe]);
  };
}
