import { mkdir, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { archiveCurrentWal, failedChecks } from './archive.ts';
import { ailments, currentLeader, sql } from './cluster.ts';
import {
  createContainers,
  findContainers,
  type LabContainers,
  removeEverything,
  sshPortsOf,
  startContainers,
} from './containers.ts';
import { ensureEngine } from './engine.ts';
import { reasonOf } from './error.ts';
import { ensureImage } from './image.ts';
import { renderDockerInventory, renderSshInventory } from './inventory.ts';
import { type Lab, labOn } from './lab.ts';
import { choosePorts } from './ports.ts';
import type { Report } from './progress.ts';
import { databaseHosts, defaultPrefix, defaultSshPorts, type HostName, hostNames } from './topology.ts';
import { establishTrust } from './trust.ts';
import { waitFor } from './wait.ts';

export interface LabUp {
  readonly lab: Lab;
  readonly ports: Readonly<Record<HostName, number>>;
  readonly outcome: 'was up' | 'repaired' | 'created';
}

/**
 * Brings the lab of this prefix up: db1 to db4 in one cluster, all streaming, WAL arriving at Barman,
 * keys and inventories written under `.lab/<prefix>/`. A healthy lab is left as it is; one that is not
 * is repaired where starting its containers and services is enough, and made anew otherwise.
 * Throws a LabError that says what it waited for and what it last saw.
 */
export async function labUp(prefix: string, report: Report): Promise<LabUp> {
  const engine = await ensureEngine(report);
  const image = await ensureImage(engine, report);
  const lab = labOn(engine, prefix);
  const containers = await findContainers(engine, prefix);
  const kept = isWhole(containers, image, report) ? await keep(lab, containers, report) : undefined;
  const up = kept ?? (await found(lab, image, report));
  if (up.outcome === 'created') await replicasJoin(lab, report);
  if (up.outcome !== 'was up') {
    await proveArchiving(lab);
    report('Barman archives the WAL');
  }
  await writeInventories(up);
  adviseInventory(up, report);
  return up;
}

/**
 * Removes a lab, whatever state it is in, makes it anew, and works on its leader while the replicas
 * still join; returns when both are done. That WAL is archived is left for the work to prove.
 */
export async function recreateLab<T>(
  prefix: string,
  report: Report,
  work: (lab: Lab) => Promise<T>,
): Promise<LabUp & { readonly result: T }> {
  const engine = await ensureEngine(report);
  const up = await found(labOn(engine, prefix), await ensureImage(engine, report), report);
  const [result] = await Promise.all([work(up.lab), replicasJoin(up.lab, report)]);
  await writeInventories(up);
  return { ...up, result };
}

/** Every host has a container of the present image; says what is wrong with a lab of which this is not true. */
function isWhole(containers: LabContainers, image: string, report: Report): boolean {
  if (containers.size === 0) return false;
  const missing = hostNames.filter((host) => !containers.has(host));
  if (missing.length > 0) {
    report(`the lab lacks ${missing.join(', ')}: making it anew`);
    return false;
  }
  if ([...containers.values()].some((container) => container.image !== image)) {
    report('the lab runs an older image: making it anew');
    return false;
  }
  return true;
}

/** The lab as it is, or started again; undefined when that does not make it healthy. */
async function keep(lab: Lab, containers: LabContainers, report: Report): Promise<LabUp | undefined> {
  const ports = sshPortsOf(containers);
  const allRun = [...containers.values()].every(({ running }) => running);
  try {
    if (allRun && (await ailments(lab).catch((thrown) => [reasonOf(thrown)])).length === 0) {
      await establishTrust(lab, ports);
      report('the lab is up and healthy');
      return { lab, ports, outcome: 'was up' };
    }
    report('the lab is not healthy: starting what stands still');
    await startContainers(lab.engine, containers);
    await establishTrust(lab, ports);
    await Promise.all(hostNames.map((host) => lab.exec(host, ['supervisorctl', 'start', 'all'])));
    await waitUntilHealthy(lab, 60_000);
    report('the lab is healthy again');
    return { lab, ports, outcome: 'repaired' };
  } catch (thrown) {
    report(`that did not help (${reasonOf(thrown)}): making the lab anew`);
    return undefined;
  }
}

/** Patroni makes these too, but only in its next round, up to ten seconds later. */
const slotsForReplicas = `
select pg_create_physical_replication_slot(name)
from unnest(array['${databaseHosts.slice(1).join("', '")}']) name
where not exists (select from pg_replication_slots where slot_name = name)`;

/** New containers, known to each other, and a cluster that so far is db1 alone. */
async function found(lab: Lab, image: string, report: Report): Promise<LabUp> {
  await removeEverything(lab.engine, lab.prefix);
  const ports = await choosePorts(lab.prefix);
  await createContainers(lab.engine, lab.prefix, image, ports);
  report(`containers started: ${hostNames.map((host) => `${lab.prefix}-${host}`).join(', ')}`);
  await establishTrust(lab, ports);
  report('SSH keys exchanged');
  await waitFor({
    what: 'db1 to found the cluster',
    deadlineMs: 90_000,
    attempt: () => currentLeader(lab),
    done: () => true,
    describe: () => '',
  });
  report('db1 leads');
  await sql(lab, 'db1', slotsForReplicas);
  return { lab, ports, outcome: 'created' };
}

async function replicasJoin(lab: Lab, report: Report): Promise<void> {
  await waitUntilHealthy(lab, 120_000);
  report(`${databaseHosts.slice(1).join(', ')} stream from db1`);
}

function waitUntilHealthy(lab: Lab, deadlineMs: number): Promise<string[]> {
  return waitFor({
    what: 'one leader and three replicas that stream from it',
    deadlineMs,
    attempt: () => ailments(lab),
    done: (found) => found.length === 0,
    describe: (found) => found.join(', '),
  });
}

async function proveArchiving(lab: Lab): Promise<void> {
  const leader = await currentLeader(lab);
  await archiveCurrentWal(lab, leader);
  await waitFor({
    what: `\`barman check ${leader}\` to pass`,
    deadlineMs: 60_000,
    everyMs: 500,
    attempt: async () => (await failedChecks(lab))[leader] ?? ['no answer'],
    done: (failed) => failed.length === 0,
    describe: (failed) => `failed: ${failed.join(', ')}`,
  });
}

async function writeInventories({ lab, ports }: LabUp): Promise<void> {
  const { folder, controllerKey, knownHosts, dockerInventory, sshInventory } = lab.files;
  await mkdir(folder, { recursive: true });
  await writeFile(dockerInventory, renderDockerInventory(lab.prefix));
  const access = {
    ports,
    privateKeyFile: basename(controllerKey),
    knownHostsFile: basename(knownHosts),
  };
  await writeFile(sshInventory, renderSshInventory(access));
}

/** Says so when the committed SSH inventory does not fit the default lab. */
function adviseInventory({ lab, ports }: LabUp, report: Report): void {
  const fits = hostNames.every((host) => ports[host] === defaultSshPorts[host]);
  if (lab.prefix === defaultPrefix && !fits) {
    report(
      `ports ${defaultSshPorts.etcd}-${defaultSshPorts.db4} were taken: over SSH use -i ${lab.files.sshInventory} instead of inventory/lab-ssh.yml`,
    );
  }
}
