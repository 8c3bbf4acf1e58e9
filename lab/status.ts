import { failedChecks, finishedBackups } from './archive.ts';
import { type Member, readMembers } from './cluster.ts';
import { findContainers } from './containers.ts';
import type { Lab } from './lab.ts';

/** What `status --json` prints. */
export interface LabStatus {
  readonly prefix: string;
  /** True when every host has a running container. */
  readonly up: boolean;
  readonly containers: readonly {
    readonly host: string;
    readonly state: string;
    readonly sshPort?: number;
  }[];
  readonly members: readonly Member[];
  /** By Barman server: the checks that fail. A replica's server always fails its WAL archive check. */
  readonly failedChecks: Readonly<Record<string, readonly string[]>>;
  readonly backups: readonly { readonly id: string; readonly server: string; readonly endedAt: string }[];
}

/** Looks at a lab without changing it. What cannot be read is empty. */
export async function labStatus(lab: Lab): Promise<LabStatus> {
  const found = await findContainers(lab.engine, lab.prefix);
  const containers = lab.shape.hosts.map((host) => {
    const container = found.get(host);
    return {
      host,
      state: container?.state ?? 'missing',
      ...(container?.sshPort === undefined ? {} : { sshPort: container.sshPort }),
    };
  });
  const barmanRuns = found.get('barman')?.running === true;
  const [members, checks, backups] = await Promise.all([
    readMembers(lab).catch(() => []),
    barmanRuns ? failedChecks(lab).catch(() => ({})) : {},
    barmanRuns ? finishedBackups(lab).catch(() => []) : [],
  ]);
  return {
    prefix: lab.prefix,
    up: containers.every(({ state }) => state === 'running'),
    containers,
    members,
    failedChecks: checks,
    backups: backups.map(({ id, server, endedAt }) => ({ id, server, endedAt: endedAt.toISOString() })),
  };
}
