import { expect } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, dataDirectory } from '../../lab/topology.ts';
import { healthy, type Scene } from '../support/lab.ts';
import { asBefore, type Before, rowsInIsolation, rowsThen, serves } from './cluster-state.ts';
import type { Mend } from './inject-process.ts';
import { type During, type Ended, endAll, operate } from './operator.ts';

/** Tasks of recover.yml in the middle of which faults happen. */
export const COPY = 'Restore the base backup beside the live data';
export const LEAVE = 'Take the node out of the cluster';
export const ISOLATED = 'Start PostgreSQL in isolation';
export const REPLAY = 'Replay WAL up to the moment';

/** Matches the command line of a copy at work on Barman's host. */
export const COPYING = 'barman(\\.real)? recover';

/** PostgreSQL fetches each segment by itself: what lies beside the data already would be replayed before a fault comes. */
export const NO_SPOOL: readonly string[] = ['-e', 'wal_spool_bytes=0'];

/** One fault in one recovery. */
export interface Fault {
  readonly name: string;
  /** Changes the cluster for good, so that it needs a scene of its own. */
  readonly ownScene?: boolean;
  readonly play: (stage: Stage) => Promise<void>;
}

/** How a run with a fault must end. */
export interface Failure {
  readonly exitCode: number;
  readonly code: string;
  readonly host?: string;
  readonly task?: string;
  /** All of these stand in what is told. */
  readonly says: readonly (RegExp | string)[];
}

/** The lab with its accident, and the recovery that faults are put into. */
export class Stage {
  readonly lab: Lab;
  readonly scene: Scene;
  readonly target: DatabaseHost;
  readonly pgdata: string;
  readonly before: Before;
  readonly #mends: Mend[] = [];
  readonly #settled = new Set<string>();
  #decided = false;

  constructor(lab: Lab, scene: Scene, before: Before) {
    this.lab = lab;
    this.scene = scene;
    this.target = scene.target;
    this.pgdata = dataDirectory(scene.target);
    this.before = before;
  }

  /** Keeps in mind how a fault is taken away, whatever becomes of the test. */
  async broken(fault: Promise<Mend>): Promise<Mend> {
    const mend = await fault;
    this.#mends.push(mend);
    return mend;
  }

  async mendAll(): Promise<void> {
    for (let mend = this.#mends.pop(); mend !== undefined; mend = this.#mends.pop()) await mend();
  }

  /** Takes back what a test that failed has left. */
  async settle(): Promise<void> {
    await this.mendAll();
    for (const runId of (await endAll()).toReversed()) {
      if (!this.#settled.has(runId) && !this.#decided) await operate(['undo', runId, '--yes']);
    }
  }

  /** The recovery has been decided on: there is nothing to take back. */
  decided(): void {
    this.#decided = true;
  }

  /** A recovery of the target to the moment before the accident; without auto_start where nothing else is said. */
  recover(during: During = {}, more: readonly string[] = [], inventory = this.inventory()): Promise<Ended> {
    const { accident } = this.scene;
    return operate(
      [
        'play',
        'recover.yml',
        '-i',
        inventory,
        ...['-e', `target=${this.target}`, '-e', `backup=${accident.backup.id}`],
        ...['-e', `target_time=${accident.before}`],
        ...more,
        '--yes',
      ],
      during,
    );
  }

  inventory(transport = transportWanted()): string {
    return transport === 'ssh' ? this.lab.files.sshInventory : this.lab.files.dockerInventory;
  }

  /** The run ended as it must, and the leader has served all the time. */
  async failed(ended: Ended, { exitCode, code, host, task, says }: Failure): Promise<void> {
    const { error } = ended;
    expect([error?.code, ended.exitCode, ended.words]).toEqual([code, exitCode, ended.words]);
    if (host !== undefined) expect([error?.host, ended.words]).toEqual([host, ended.words]);
    if (task !== undefined) expect(error?.task).toBe(task);
    for (const words of says) expect(ended.words).toMatch(words);
    await serves(this.lab, this.scene, `after ${code}`);
  }

  /** `pitr undo` brings everything back, and leaves nothing but these directories. */
  async undone({ runId }: Ended, left: readonly string[] = []): Promise<void> {
    const undo = await operate(['undo', runId, '--yes']);
    expect([undo.exitCode, undo.words]).toEqual([0, '']);
    this.#settled.add(runId);
    await this.#leaves(left);
    await this.asBefore('after undo');
  }

  /** A playbook has brought everything back, and leaves these directories, and perhaps those files. */
  async decidedWith(left: readonly string[], perhaps: readonly string[]): Promise<void> {
    this.decided();
    await this.#leaves(left);
    await this.lab.mustExec(this.target, ['rm', '-rf', '--', ...perhaps]);
    await this.asBefore('after rollback.yml');
  }

  async #leaves(left: readonly string[]): Promise<void> {
    for (const path of left) {
      await this.lab.mustExec(this.target, ['test', '-f', `${path}/PG_VERSION`]);
      await this.lab.mustExec(this.target, ['rm', '-rf', '--', path]);
    }
  }

  /** `pitr resume` leads on to the moment; and then everything is brought back. */
  async goneOn(ended: Ended, more: readonly string[] = []): Promise<void> {
    const resumed = await operate(['resume', ended.runId, '--yes', ...more]);
    expect([resumed.exitCode, resumed.words]).toEqual([0, '']);
    await this.atTheMoment();
    await this.undone(ended);
  }

  /** The target waits isolated with the rows of the moment; the leader is who it was. */
  async atTheMoment(): Promise<void> {
    expect(await rowsInIsolation(this.lab, this.target)).toBe(rowsThen(this.scene));
    expect(await currentLeader(this.lab)).toBe(this.scene.leader);
  }

  /** Nothing has been touched: no change is in the journal, and everything is as it was. */
  async untouched({ events, runId }: Ended): Promise<void> {
    const changed = events.flatMap((event) =>
      event.type === 'host.result' && event.status === 'changed' ? [event.task.name] : [],
    );
    expect(changed).toEqual([]);
    this.#settled.add(runId);
    await this.asBefore('after a refusal');
  }

  asBefore(words: string): Promise<void> {
    return asBefore(this.lab, this.scene, this.before, words);
  }

  healthy(): Promise<void> {
    return healthy(this.lab);
  }
}

function transportWanted(): string {
  return process.env.PITR_TRANSPORT ?? 'docker';
}
