import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { ownUser } from '../../base/values/own-user.ts';

/** Who began something, where and when. */
export interface Beginning {
  readonly time: number;
  /** `root@backup1` */
  readonly operator: string;
  readonly pid: number;
  /** Tells the process from a later one of the same number, where the machine can (see `processMark`). */
  readonly process?: string | undefined;
  /** Where `pid` counts, where the machine can tell (see `pidNamespace`). */
  readonly pidNamespace?: string | undefined;
}

/** Who runs pitr, and from where: `root@backup1`. */
export function operatorHere(): string {
  return `${ownUser()}@${hostname()}`;
}

/** This process, now. */
export function beginningHere(): Beginning {
  const { pid } = process;
  return {
    time: Date.now(),
    operator: operatorHere(),
    pid,
    process: processMark(pid),
    pidNamespace: pidNamespace(),
  };
}

/** The namespace in which this machine's processes have the numbers that are seen here: a container mostly has its own. */
export function pidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/**
 * The start of a process in ticks since boot, with the boot: no clock is asked. Nothing where it is not to be seen: it
 * has ended, somebody's /proc hides it, or there is no /proc. proc_pid_stat(5), fields 3 and 22.
 */
export function processMark(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${bootMark()}:${fields[0] === 'Z' ? 'ended' : fields[19]}`;
  } catch {
    return undefined;
  }
}

/** Tells this boot of the machine from all others; empty where the machine has no such mark. */
export function bootMark(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
