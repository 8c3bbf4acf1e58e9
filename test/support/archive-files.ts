import type { Accident } from '../../lab/accident.ts';
import type { Lab } from '../../lab/lab.ts';

/** What lies in the archives of a lab's Barman, and is put there by tests. */

/** Words for `sh`, as Barman's user on its host; what it prints. */
export function onBarman(lab: Lab, script: string, ...args: readonly string[]): Promise<string> {
  return lab.mustExec('barman', ['sh', '-c', script, 'sh', ...args], { user: 'barman', deadlineMs: 300_000 });
}

/** The first digits of the names of its segments, and the name of its history file. */
export function timelineName(timeline: number): string {
  return timeline.toString(16).toUpperCase().padStart(8, '0');
}

export function walsOf(server: string): string {
  return `/var/lib/barman/${server}/wals`;
}

export function fileOf(server: string, segment: string): string {
  return `${walsOf(server)}/${segment.slice(0, 16)}/${segment}`;
}

/** The first number after those that archives know, and after this one. */
export async function nextTimeline(lab: Lab, known: number): Promise<number> {
  const names = await onBarman(
    lab,
    'ls /var/lib/barman/*/wals /var/lib/barman/*/incoming | sed -n "s/[.]history$//p"',
  );
  return Math.max(known, ...names.split('\n').map((one) => Number.parseInt(one, 16) || 0)) + 1;
}

/**
 * A segment of another timeline at the place where the backup's own WAL ends. (Before that no new timeline begins, and what
 * lies there is not looked for: how far a lab's WAL has come depends on its age.)
 */
export async function segmentAfter(lab: Lab, backup: Accident['backup'], timeline: number): Promise<string> {
  const list = 'barman list-files --target wal "$1" "$2" | grep -v history';
  const last = await onBarman(lab, list, backup.server, backup.id);
  return `${timelineName(timeline)}${last.trim().slice(-16)}`;
}

/** A file of that name, of the size of a segment, and with nothing of one in it. */
export async function putStray(lab: Lab, server: string, segment: string): Promise<void> {
  const script = 'mkdir -p "$(dirname "$1")"; head -c 16777216 /dev/urandom >"$1"';
  await onBarman(lab, script, fileOf(server, segment));
}
