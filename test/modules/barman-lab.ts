import { setMaxListeners } from 'node:events';
import { currentLeader, readMembers, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { containerName, type HostName, hostNames } from '../../lab/topology.ts';
import type { WriteHost } from '../../lib/contract/host.ts';
import type { LookModule, Result, TaskContext } from '../../lib/contract/module.ts';
import { liveHost } from '../../lib/engine/run/live-host.ts';
import { module as backup } from '../../lib/modules/barman/backup.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import type { HostConnection } from '../../lib/transport/types.ts';
import { sharedLab } from '../support/lab.ts';

/** The lab's hosts, as modules see them. */
export interface BarmanLab extends AsyncDisposable {
  readonly lab: Lab;
  readonly barman: WriteHost;
  readonly host: (name: HostName) => WriteHost;
  /** Runs a text of sh as Barman's user (or another) on a host; throws when it fails. */
  readonly sh: (text: string, host?: HostName, user?: string) => Promise<string>;
}

/** Opens the shared lab, seeded: its newest backup is of the leader, and of the timeline that it writes now. */
export async function openBarmanLab(): Promise<BarmanLab> {
  const lab = await sharedLab();
  const connections = new Map<string, HostConnection>(
    hostNames.map((name) => [
      name,
      connectHost(name, { kind: 'docker', container: containerName(lab.prefix, name) }),
    ]),
  );
  const peers = (name: string): HostConnection => {
    const connection = connections.get(name);
    if (connection === undefined) throw new Error(`no host ${name} in the lab`);
    return connection;
  };
  const host = (name: HostName): WriteHost => liveHost(peers(name), peers);
  const sh = async (text: string, name: HostName = 'barman', user = 'barman'): Promise<string> =>
    (await host(name).must(['sh', '-ec', text], { user })).stdout;
  // Suites before this one may have taken along WAL of older backups, or let another member lead.
  const reachable = await ask(backup, host('barman'), { id: 'auto' }).catch(() => undefined);
  const leader = await currentLeader(lab);
  const timeline = `('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int`;
  const writes = `${leader} ${await sql(lab, leader, `select ${timeline}`)}`;
  if (`${reachable?.server} ${reachable?.timeline}` !== writes) await labSeed(lab, silent);
  return {
    lab,
    barman: host('barman'),
    host,
    sh,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...connections.values()].map((connection) => connection.close()));
    },
  };
}

/** The leader's name, which is that of its Barman server too. */
export async function leaderOf({ lab }: BarmanLab): Promise<string> {
  const leader = (await readMembers(lab)).find(({ role }) => role === 'leader' || role === 'master');
  if (leader === undefined) throw new Error('the lab has no leader');
  return leader.name;
}

/**
 * From the next segment on, the leader closes none but those that a test closes: what is archived stays as a test has seen
 * it, however slow the machine is. Gives how it is taken back. No backup is to be taken meanwhile: it would have it, too.
 */
export async function closedByHand({ lab }: BarmanLab): Promise<() => Promise<unknown>> {
  const leader = await currentLeader(lab);
  const inForce = (change: string) => sql(lab, leader, `${change};\nselect pg_reload_conf();`);
  await inForce('alter system set archive_timeout = 0');
  return () => inForce('alter system reset archive_timeout');
}

/** A task's surroundings that remember what was said. */
export function listening(signal: AbortSignal = new AbortController().signal) {
  setMaxListeners(50, signal);
  const warnings: string[] = [];
  const progress: string[] = [];
  const output: string[] = [];
  const refuse = (): never => {
    throw new Error('not of use to these modules');
  };
  const context: TaskContext = {
    runId: 'e2e',
    operator: 'tester@here',
    signal,
    progress: (text) => void progress.push(text),
    output: (_stream, text) => void output.push(text),
    warn: (text) => void warnings.push(text),
    file: refuse,
    render: refuse,
    ask: refuse,
    holdsSecret: () => false,
    hold: refuse,
    held: () => undefined,
  };
  return { context, warnings, progress, output };
}

/** What a look answers. */
export async function ask<P, R extends Result>(
  module: LookModule<P, R>,
  host: WriteHost,
  params: Readonly<Record<string, unknown>>,
  context: TaskContext = listening().context,
): Promise<R> {
  return module.read(host, module.params.parse(params), context);
}
