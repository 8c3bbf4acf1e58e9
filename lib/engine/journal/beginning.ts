import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';

/** Who began something, where and when. */
export interface Beginning {
  readonly time: number;
  /** `root@backup1` */
  readonly operator: string;
  readonly pid: number;
  /** Tells the process from a later one of the same number, where the machine can (see `processMark`). */
  readonly process?: string | undefined;
}

/** Who runs pitr, and from where: `root@backup1`. */
export function operatorHere(): string {
  return `${userInfo().username}@${hostname()}`;
}

/** This process, now. */
export function beginningHere(): Beginning {
  const { pid } = process;
  return {
    time: Date.now(),
    operator: operatorHere(),
    pid,
    process: processMark(pid),
  };
}

/**
 * The start of a process in ticks since boot, with the boot: no clock is asked. Nothing for a dead one that nobody
 * has waited for. proc_pid_stat(5), fields 3 and 22.
 */
export function processMark(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return fields[0] === 'Z' ? undefined : `${boot}:${fields[19]}`;
  } catch {
    // There is no such process, or no /proc.
    return undefined;
  }
}
