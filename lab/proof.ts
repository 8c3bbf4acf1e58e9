import type { Accident } from './accident.ts';
import { archiveCurrentWal, failedChecks } from './archive.ts';
import { describeMembers, type Member, membershipAilments, readMembers, sql } from './cluster.ts';
import { reasonOf } from './error.ts';
import type { Lab } from './lab.ts';
import { rowCounts } from './seed.ts';
import type { DatabaseHost } from './topology.ts';
import { waitFor } from './wait.ts';

/** One statement about the recovered lab, and whether it is true. */
export interface Evidence {
  readonly claim: string;
  readonly holds: boolean;
  readonly seen: string;
}

/**
 * Proves from the outside, without pitr, that the whole cluster is back at the moment before the accident: rows,
 * leader, timeline, streaming, archiving. `timelineBefore` is the leader's before the recovery.
 */
export async function proveRecovery(
  lab: Lab,
  accident: Accident,
  target: DatabaseHost,
  timelineBefore: number,
): Promise<readonly Evidence[]> {
  return [
    ...(await proveCluster(lab, target, timelineBefore)),
    ...(await proveRows(lab, accident, target)),
    ...(await proveEveryMember(lab, accident)),
    await proveArchive(lab, target),
  ];
}

/** As Patroni lists them: each as its last round saw it, up to ten seconds ago, so until they agree. */
async function settledMembers(lab: Lab): Promise<Member[]> {
  await waitFor({
    what: 'Patroni to list all members alike',
    deadlineMs: 60_000,
    attempt: () => readMembers(lab),
    done: (members) => membershipAilments(members, lab.shape.members).length === 0,
    describe: describeMembers,
  }).catch(() => undefined);
  return readMembers(lab);
}

async function proveCluster(lab: Lab, target: DatabaseHost, timelineBefore: number): Promise<Evidence[]> {
  const members = await settledMembers(lab);
  const leaders = members.filter(({ role }) => role === 'leader').map(({ name }) => name);
  const timelines = new Set(members.map(({ timeline }) => timeline));
  const [timeline] = timelines;
  const replicas = lab.shape.members.filter((host) => host !== target);
  const streaming = (
    await sql(
      lab,
      target,
      "select application_name from pg_stat_replication where state = 'streaming' order by 1",
    )
  )
    .split('\n')
    .filter((name) => name !== '');
  return [
    { claim: `${target} leads, and nobody else`, holds: leaders.join() === target, seen: leaders.join(', ') },
    {
      claim: `every member is on one timeline, newer than ${timelineBefore}`,
      holds: timelines.size === 1 && timeline !== undefined && timeline > timelineBefore,
      seen: members.map((member) => `${member.name}: ${member.timeline}`).join(', '),
    },
    {
      claim: `${replicas.join(', ')} stream from ${target}`,
      holds: replicas.every((host) => streaming.includes(host)),
      seen: streaming.join(', '),
    },
  ];
}

export async function proveRows(lab: Lab, accident: Accident, target: DatabaseHost): Promise<Evidence[]> {
  const rows = await rowCounts(lab, target);
  return Object.entries(accident.tables).map(([table, { rowsThen, rowsNow }]) => {
    const now = rows[table as keyof typeof rows];
    const lost = rowsNow === null ? 'dropped' : `${rowsNow} after the accident`;
    return {
      claim: `${table} has the ${rowsThen} rows of that moment (${lost})`,
      holds: now === rowsThen,
      seen: `${now}`,
    };
  });
}

/** The same rows everywhere, also on the members that were rebuilt. */
async function proveEveryMember(lab: Lab, accident: Accident): Promise<Evidence[]> {
  const wanted = JSON.stringify(
    Object.fromEntries(Object.entries(accident.tables).map(([name, { rowsThen }]) => [name, rowsThen])),
  );
  const seen = await Promise.all(
    lab.shape.members.map(async (host) => {
      const rows = await rowCounts(lab, host).catch(reasonOf);
      return { host, same: typeof rows !== 'string' && JSON.stringify(rows) === wanted };
    }),
  );
  const others = seen.filter(({ same }) => !same).map(({ host }) => host);
  return [
    {
      claim: 'all members hold the same rows',
      holds: others.length === 0,
      seen: others.length === 0 ? lab.shape.members.join(', ') : `other rows on ${others.join(', ')}`,
    },
  ];
}

async function proveArchive(lab: Lab, target: DatabaseHost): Promise<Evidence> {
  const claim = `the WAL of ${target} is archived, and Barman finds nothing wrong with it`;
  try {
    const wal = await archiveCurrentWal(lab, target);
    const failed = await waitFor({
      what: `\`barman check ${target}\` to pass`,
      deadlineMs: 180_000,
      everyMs: 500,
      attempt: async () => (await failedChecks(lab))[lab.shape.barmanServer(target)] ?? ['no answer'],
      done: (checks) => checks.length === 0,
      describe: (checks) => checks.join(', '),
    });
    return { claim, holds: failed.length === 0, seen: wal };
  } catch (thrown) {
    return { claim, holds: false, seen: reasonOf(thrown) };
  }
}
