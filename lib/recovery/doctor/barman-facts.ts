import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';
import { lockId, lockResource } from '../../system/lock/lock-resource.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { backupFilesUnknown } from '../barman/backup-files.ts';
import { isComplete } from '../barman/backup-info.ts';
import { isOnDisk } from '../barman/backups-on-disk.ts';
import { readCatalogueAndArchives } from '../barman/catalogue.ts';
import { serversThatCount } from '../barman/counted-servers.ts';
import { filesInErrors } from '../barman/errors-directory.ts';
import { parseCheckReport } from '../barman/json.ts';
import { loginToNode } from '../barman/node-access.ts';
import { proveBackupFiles } from '../barman/prove-backup-files.ts';
import { NOT_ASKED, type Told, told } from './answer.ts';
import { lookAtBarman } from './barman-script.ts';
import type { BarmanFacts, Need, Stock } from './facts.ts';
import { reach } from './node-facts.ts';
import type { BarmanPlace, NodePlace } from './place.ts';

/** Barman logs in to the database node for its check. */
const CHECK_TIMEOUT_MS = 300_000;

const NAMELESS: Told<never> = {
  unknown: 'the inventory does not say the name of the cluster (patroni_cluster)',
  next: ['Set patroni_cluster in the inventory.'],
};

/** All that is needed of Barman's host, and of its way to the nodes. */
export async function gatherBarmanFacts(
  host: ReadHost,
  place: BarmanPlace,
  nodes: readonly NodePlace[],
  needs: ReadonlySet<Need>,
  /** As its nodes tell it. */
  systemId: Promise<string | undefined> = Promise.resolve(undefined),
): Promise<BarmanFacts> {
  const reached = await reach(host, [place.user]);
  if (!('value' in reached)) {
    const why = { unknown: `${host.name} is not reached`, next: reached.next };
    return { ...nothing(why, nodes), place, reached };
  }
  const asked = <T>(need: Need, work: () => Promise<T>): Promise<Told<T>> =>
    needs.has(need) ? told(work) : Promise.resolve(NOT_ASKED);
  const wantsStock = (['stock', 'barman', 'errors', 'files'] as const).some((need) => needs.has(need));
  const stock = wantsStock ? readStock(host, place) : NOT_ASKED;
  const fromStock = async <T>(need: Need, work: (stock: Stock) => Promise<T>): Promise<Told<T>> => {
    if (!needs.has(need)) return NOT_ASKED;
    const found = await stock;
    return 'value' in found ? told(() => work(found.value)) : found;
  };
  const cluster = nodes.find(({ patroni }) => patroni.cluster !== undefined)?.patroni.cluster;
  const [look, there, errors, access, lock, files] = await Promise.all([
    // Without a catalogue there is still a host with a clock and with tools.
    needs.has('barman')
      ? Promise.resolve(stock).then((found) =>
          told(() =>
            lookAtBarman(
              host,
              place,
              'value' in found ? ownServers(found.value, place).filter(isOnDisk) : [],
            ),
          ),
        )
      : NOT_ASKED,
    stock,
    fromStock('errors', (found) => {
      const clusters = clustersOf(found, nodes);
      const own = serversOf(found, place, clusters).filter(
        ({ systemId }) =>
          systemId === undefined || clusters.includes(undefined) || clusters.includes(systemId),
      );
      return filesInErrors(host, own, place.user);
    }),
    Promise.all(
      nodes.map(
        async (node) => [node.name, await asked('access', () => loginTo(host, place, node))] as const,
      ),
    ),
    // The lock has the name of the cluster.
    cluster === undefined
      ? NAMELESS
      : asked('lock', () =>
          lockResource.read(
            host,
            lockId({ name: cluster, directory: place.lockDirectory, user: place.user }),
          ),
        ),
    fromStock('files', async (found) => {
      const id = await systemId;
      const clusters = id === undefined ? clustersOf(found, nodes) : [id];
      return newestBackupWhole(host, place, serversOf(found, place, clusters), clusters);
    }),
  ]);
  return {
    place,
    reached,
    look,
    stock: there,
    checks: NOT_ASKED,
    errors,
    access: Object.fromEntries(access),
    lock,
    files,
    logins: NOT_ASKED,
  };
}

/** The backups of all servers, and the archives of those that the inventory names; of all where it names none. */
export function readStock(host: ReadHost, { user, servers: names }: BarmanPlace): Promise<Told<Stock>> {
  return told(() =>
    readCatalogueAndArchives(host, user, { whose: () => ({ names, clusters: [undefined] }) }),
  );
}

/** The servers of this cluster, whether they could be read or not; all where the inventory names none. */
export function ownServers(stock: Stock, { servers }: BarmanPlace): Stock['servers'] {
  return servers === undefined ? stock.servers : stock.servers.filter(({ name }) => servers.includes(name));
}

/** Those of them that could be read. Throws the error of one that counts and could not be. */
export function serversOf(
  stock: Stock,
  place: BarmanPlace,
  clusters: readonly (string | undefined)[],
): Stock['servers'] {
  const names = place.servers === undefined ? undefined : ownServers(stock, place).map(({ name }) => name);
  return serversThatCount(stock.servers, { names, clusters }, place.name);
}

/** The system ids that the servers of the nodes know; `undefined` where none of them knows one. */
export function clustersOf(
  { servers }: Stock,
  nodes: readonly Pick<NodePlace, 'barmanServer'>[],
): readonly (string | undefined)[] {
  const known = servers.flatMap(({ name, systemId }) =>
    systemId !== undefined && nodes.some(({ barmanServer }) => barmanServer === name) ? [systemId] : [],
  );
  return known.length === 0 ? [undefined] : known;
}

function nothing(why: Told<never>, nodes: readonly NodePlace[]) {
  return {
    look: why,
    stock: why,
    checks: why,
    errors: why,
    access: Object.fromEntries(nodes.map(({ name }) => [name, why])),
    lock: why,
    files: why,
    logins: why,
  };
}

async function loginTo(host: ReadHost, { user }: BarmanPlace, { restoreSsh, name }: NodePlace) {
  if (restoreSsh !== undefined) return loginToNode(host, restoreSsh, user, host.peer(name));
  throw new PitrError({
    kind: 'validation',
    code: 'restore-ssh-missing',
    message: `the inventory does not say how Barman logs in to ${name}`,
    next: [`Set restore_ssh for ${name}: restore_ssh: "ssh -q postgres@${name}"`],
  });
}

/** Barman's own checks of one server. Throws kind `failed` where it gives no report. */
export async function barmanChecks(host: ReadHost, user: string, server: string) {
  const result = await host.query(
    probe(['barman', '-f', 'json', 'check', server], { user, timeoutMs: CHECK_TIMEOUT_MS }),
  );
  const report = parseCheckReport(result.stdout);
  if (report !== undefined) return report;
  throw new PitrError({
    kind: 'failed',
    code: 'barman-check-unreadable',
    message: 'barman check gives no report',
    host: host.name,
    evidence: evidenceOf(result),
    next: [`See what it says, as ${user} on ${host.name}: barman check ${server}`],
  });
}

/** A monitor waits so long for the files of the newest backup; a recovery longer. */
const FILES_MS = 600_000;

async function newestBackupWhole(
  host: ReadHost,
  place: BarmanPlace,
  servers: Stock['servers'],
  clusters: readonly (string | undefined)[],
): Promise<string> {
  const [newest] = servers
    .flatMap(({ backups }) => backups)
    .filter(isComplete)
    .filter(
      ({ systemId }) => systemId === undefined || clusters.includes(undefined) || clusters.includes(systemId),
    )
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  if (newest === undefined) {
    throw new PitrError({
      kind: 'refused',
      code: 'no-backup',
      message: 'there is no complete backup',
      next: [`Take one, as ${place.user} on ${host.name}: barman backup --wait SERVER`],
    });
  }
  if (!(await proveBackupFiles(host, newest, servers, place.user, { timeoutMs: FILES_MS })))
    throw backupFilesUnknown(newest, host.name);
  return newest.id;
}
