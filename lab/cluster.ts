import { LabError, reasonOf } from './error.ts';
import type { Lab } from './lab.ts';
import { type DatabaseHost, databaseHosts, isDatabaseHost, postgresBin } from './topology.ts';

/** A member as Patroni's REST interface shows it. */
export interface Member {
  readonly name: string;
  readonly role: string;
  readonly state: string;
  readonly timeline: number | undefined;
  readonly lagBytes: number | undefined;
}

/** Asks the nodes in turn for the cluster's members; throws a LabError when no Patroni answers. */
export async function readMembers(lab: Lab): Promise<Member[]> {
  let lastReason = 'nothing';
  for (const host of lab.shape.members) {
    try {
      const url = `${lab.shape.patroniUrl(host)}/cluster`;
      return parseMembers(
        await lab.mustExec(host, ['curl', '-sSk', '--max-time', '3', url], { deadlineMs: 8000 }),
      );
    } catch (thrown) {
      lastReason = reasonOf(thrown);
    }
  }
  throw new LabError(
    `no Patroni answers (bring the lab up with \`npm run lab -- up\`); the last one asked said: ${lastReason.trim()}`,
  );
}

interface ClusterDocument {
  readonly members?: readonly {
    readonly name: string;
    readonly role: string;
    readonly state: string;
    readonly timeline?: number;
    readonly lag?: number | string;
  }[];
}

/** Reads the answer of `GET /cluster`. */
export function parseMembers(json: string): Member[] {
  const { members = [] } = JSON.parse(json) as ClusterDocument;
  return members.map(({ name, role, state, timeline, lag }) => ({
    name,
    role,
    state,
    timeline,
    lagBytes: typeof lag === 'number' ? lag : undefined,
  }));
}

/** The leader among the members, or undefined while there is none or it is no node of the lab. */
export function leaderOf(members: readonly Member[]): DatabaseHost | undefined {
  const name = members.find(({ role }) => role === 'leader')?.name ?? '';
  return isDatabaseHost(name) ? name : undefined;
}

/** The node that leads now. Throws a LabError when none does. */
export async function currentLeader(lab: Lab): Promise<DatabaseHost> {
  const members = await readMembers(lab);
  const leader = leaderOf(members);
  if (leader) return leader;
  throw new LabError(
    `the cluster has no leader now (${describeMembers(members)}): see \`npm run lab -- status\``,
  );
}

export function describeMembers(members: readonly Member[]): string {
  return members
    .map(({ name, role, state, timeline }) => `${name} ${role} ${state} TL ${timeline ?? '?'}`)
    .join(', ');
}

/** Runs SQL as superuser on a node, over its local socket; returns unaligned rows. Throws a LabError with PostgreSQL's words. */
export async function sql(
  lab: Lab,
  host: DatabaseHost,
  statements: string,
  { database = 'postgres', deadlineMs = 120_000 } = {},
): Promise<string> {
  const psql = [`${postgresBin}/psql`, '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1'];
  const port = String(lab.shape.postgresPort);
  const target = ['-h', '/var/run/postgresql', '-p', port, '-U', 'postgres', '-d', database];
  const output = await lab.mustExec(host, [...psql, ...target], {
    user: 'postgres',
    stdin: `${statements}\n`,
    deadlineMs,
  });
  return output.trim();
}

/** What keeps the cluster from being healthy, in words; empty when it is: one leader, all others stream from it on its timeline. */
export async function ailments(lab: Lab): Promise<string[]> {
  const members = await readMembers(lab);
  const leader = leaderOf(members);
  if (!leader) return [`no leader (${describeMembers(members)})`];
  const found = membershipAilments(members, lab.shape.members);
  const streaming = (
    await sql(lab, leader, "select application_name from pg_stat_replication where state = 'streaming'")
  ).split('\n');
  for (const host of lab.shape.members) {
    if (host !== leader && !streaming.includes(host)) found.push(`${host} does not stream from ${leader}`);
  }
  return found;
}

/** The part of ailments that Patroni's own view shows. */
export function membershipAilments(
  members: readonly Member[],
  hosts: readonly DatabaseHost[] = databaseHosts,
): string[] {
  const timeline = members.find(({ role }) => role === 'leader')?.timeline;
  const found: string[] = [];
  for (const host of hosts) {
    const member = members.find(({ name }) => name === host);
    if (!member) found.push(`${host} is no member`);
    else if (!['running', 'streaming'].includes(member.state)) found.push(`${host} is ${member.state}`);
    else if (member.timeline !== timeline) {
      found.push(`${host} is on timeline ${member.timeline ?? '?'}, the leader on ${timeline ?? '?'}`);
    }
  }
  return found;
}
