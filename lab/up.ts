import { isDeepStrictEqual } from 'node:util';
import { archiveCurrentWal, failedChecks } from './archive.ts';
import { labFiles } from './checkout.ts';
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
import type { Flavour } from './flavour.ts';
import { type Lab, labOn } from './lab.ts';
import { metalFlavour } from './metal/flavour.ts';
import { storedVariants } from './metal/variants.ts';
import { ordinaryFlavour } from './ordinary.ts';
import { choosePorts } from './ports.ts';
import type { Report } from './progress.ts';
import { ordinaryShape } from './shape.ts';
import { type DatabaseHost, defaultPrefix, defaultSshPorts, hostNames, type PerHost } from './topology.ts';
import { waitFor } from './wait.ts';

export interface LabUp {
  readonly lab: Lab;
  readonly ports: PerHost<number>;
  readonly inventories: Readonly<Record<string, string>>;
  readonly outcome: 'was up' | 'repaired' | 'created';
}

/**
 * Brings the lab of this prefix up: its nodes in one cluster, all streaming, WAL arriving at Barman,
 * keys and inventories written under `.lab/<prefix>/`. A healthy lab is left as it is; one that is not
 * is repaired where starting its containers and services is enough, and made anew otherwise.
 * Throws a LabError that says what it waited for and what it last saw.
 */
export async function labUp(
  prefix: string,
  report: Report,
  flavour: Flavour = ordinaryFlavour,
): Promise<LabUp> {
  const engine = await ensureEngine(report);
  const image = await flavour.ensureImage(engine, report);
  const sameKind = isDeepStrictEqual(storedVariants(labFiles(prefix).metalVariants), flavour.variants);
  const lab = labOn(engine, prefix, flavour.shape);
  const containers = await findContainers(engine, prefix);
  if (!sameKind && containers.size > 0) report('the lab is of another kind: making it anew');
  const whole = sameKind && isWhole(containers, image, lab, report);
  const kept = whole ? await keep(lab, containers, flavour, report) : undefined;
  const up = kept ?? (await found(lab, image, flavour, report));
  if (up.outcome === 'created') await replicasJoin(lab, report);
  if (up.outcome !== 'was up') {
    await proveArchiving(lab);
    report('Barman archives the WAL');
  }
  const inventories = await flavour.writeFiles(lab, up.ports);
  adviseInventory(up, report);
  return { ...up, inventories };
}

type Brought = Omit<LabUp, 'inventories'>;

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
  const variants = storedVariants(labFiles(prefix).metalVariants);
  const flavour = variants === undefined ? ordinaryFlavour : metalFlavour(variants);
  const image = await flavour.ensureImage(engine, report);
  const up = await found(labOn(engine, prefix, flavour.shape), image, flavour, report);
  // Barman takes no backup before it has WAL in its archive.
  const seeded = proveArchiving(up.lab).then(() => work(up.lab));
  const [result] = await Promise.all([seeded, replicasJoin(up.lab, report)]);
  return { ...up, inventories: await flavour.writeFiles(up.lab, up.ports), result };
}

/** Every host has a container of the present image; says what is wrong with a lab of which this is not true. */
function isWhole(containers: LabContainers, image: string, lab: Lab, report: Report): boolean {
  if (containers.size === 0) return false;
  const missing = lab.shape.hosts.filter((host) => !containers.has(host));
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
async function keep(
  lab: Lab,
  containers: LabContainers,
  flavour: Flavour,
  report: Report,
): Promise<Brought | undefined> {
  const ports = sshPortsOf(containers);
  const allRun = [...containers.values()].every(({ running }) => running);
  try {
    if (allRun && (await ailments(lab).catch((thrown) => [reasonOf(thrown)])).length === 0) {
      await flavour.establish(lab, ports);
      report('the lab is up and healthy');
      return { lab, ports, outcome: 'was up' };
    }
    report('the lab is not healthy: starting what stands still');
    await startContainers(lab.engine, containers);
    await flavour.establish(lab, ports);
    await flavour.startServices(lab);
    await waitUntilHealthy(lab, 60_000);
    report('the lab is healthy again');
    return { lab, ports, outcome: 'repaired' };
  } catch (thrown) {
    report(`that did not help (${reasonOf(thrown)}): making the lab anew`);
    return undefined;
  }
}

/** Patroni makes these too, but only in its next round, up to ten seconds later. */
const slotsForReplicas = (replicas: readonly DatabaseHost[]) => `
select pg_create_physical_replication_slot(name)
from unnest(array['${replicas.join("', '")}']) name
where not exists (select from pg_replication_slots where slot_name = name)`;

/** New containers, known to each other, and a cluster that so far is db1 alone. */
async function found(lab: Lab, image: string, flavour: Flavour, report: Report): Promise<Brought> {
  await removeEverything(lab.engine, lab.prefix);
  const ports = await choosePorts(lab.prefix, flavour.published);
  await createContainers(lab.engine, lab.prefix, image, ports, flavour);
  report(`containers started: ${lab.shape.hosts.map((host) => `${lab.prefix}-${host}`).join(', ')}`);
  await flavour.establish(lab, ports);
  report('SSH keys exchanged');
  await waitFor({
    what: 'db1 to found the cluster',
    deadlineMs: 300_000,
    attempt: () => currentLeader(lab),
    done: () => true,
    describe: () => '',
  });
  report('db1 leads');
  await sql(lab, 'db1', slotsForReplicas(lab.shape.members.slice(1)));
  return { lab, ports, outcome: 'created' };
}

async function replicasJoin(lab: Lab, report: Report): Promise<void> {
  await waitUntilHealthy(lab, 300_000);
  report(`${lab.shape.members.slice(1).join(', ')} stream from db1`);
}

function waitUntilHealthy(lab: Lab, deadlineMs: number): Promise<string[]> {
  return waitFor({
    what: 'one leader and replicas that all stream from it',
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
    deadlineMs: 180_000,
    everyMs: 500,
    attempt: async () => (await failedChecks(lab))[lab.shape.barmanServer(leader)] ?? ['no answer'],
    done: (failed) => failed.length === 0,
    describe: (failed) => `failed: ${failed.join(', ')}`,
  });
}

/** Says so when the committed SSH inventory does not fit the default lab. */
function adviseInventory({ lab, ports }: Brought, report: Report): void {
  if (lab.shape !== ordinaryShape) return;
  const fits = hostNames.every((host) => ports[host] === (defaultSshPorts as PerHost<number>)[host]);
  if (lab.prefix === defaultPrefix && !fits) {
    report(
      `ports ${defaultSshPorts.etcd}-${defaultSshPorts.db4} were taken: over SSH use -i ${lab.files.sshInventory} instead of inventory/lab-ssh.yml`,
    );
  }
}
