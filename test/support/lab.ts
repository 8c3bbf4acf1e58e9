import { type Accident, labAccident } from '../../lab/accident.ts';
import { ailments, readMembers } from '../../lab/cluster.ts';
import { type Lab, openLab, prefixFrom } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { cleanAfterFailure } from './after-failure.ts';

/** The lab that the suites share (see lab-setup.ts). Where a test has failed on it, it is proved clean first, or made anew. */
export async function sharedLab(): Promise<Lab> {
  const lab = await openLab(prefixFrom(process.env));
  return (await cleanAfterFailure(lab)) ?? lab;
}

/** The lab over `docker exec`, or over SSH where `PITR_TRANSPORT=ssh` says so. */
export function chosenInventory(lab: Lab): string {
  return process.env.PITR_TRANSPORT === 'ssh' ? lab.files.sshInventory : lab.files.dockerInventory;
}

export interface Scene {
  readonly accident: Accident;
  readonly leader: DatabaseHost;
  /** A replica to recover on. */
  readonly target: DatabaseHost;
  readonly timeline: number;
}

/** Seeds a healthy lab, lets the accident happen, and chooses a replica as target. */
export async function accidentOn(lab: Lab): Promise<Scene> {
  // What came before it may have left members that are just coming back.
  await healthy(lab);
  await labSeed(lab, silent);
  const accident = await labAccident(lab, silent);
  const members = await readMembers(lab);
  const target = lab.shape.members.filter((host) => host !== accident.leader).at(0);
  if (target === undefined) throw new Error('the lab has no replica');
  return {
    accident,
    leader: accident.leader,
    target,
    timeline: Math.max(...members.map((member) => member.timeline ?? 0)),
  };
}

/** What a recovery to `latest` has to bring back: it loses nothing, so the rows are those after the accident. */
export function asItIsNow(scene: Scene): Scene {
  const tables = Object.fromEntries(
    Object.entries(scene.accident.tables).map(([table, { rowsNow }]) => [
      table,
      { rowsThen: rowsNow, rowsNow },
    ]),
  ) as Scene['accident']['tables'];
  return { ...scene, accident: { ...scene.accident, tables } };
}

/** One leader and three replicas that stream from it; waited for. */
export async function healthy(lab: Lab, deadlineMs = 180_000): Promise<void> {
  await waitFor({
    what: 'one leader and replicas that all stream from it',
    deadlineMs,
    attempt: () => ailments(lab),
    done: (found) => found.length === 0,
    describe: (found) => found.join(', '),
  });
}

/** Tells the data directory of a node from another that was put in its place. */
export async function inodeOfData(lab: Lab, node: DatabaseHost): Promise<string> {
  return lab.mustExec(node, ['stat', '-c', '%i', lab.shape.dataDirectory(node)]);
}
