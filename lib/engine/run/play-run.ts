import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Block, Step, Task } from '../../language/playbook/model.ts';
import { loadModule } from '../../modules/registry.ts';
import { pastOutcome } from '../back/past-outcome.ts';
import { allTrue } from '../task/conditions.ts';
import { isLeftAtWork } from '../task/left-at-work.ts';
import { learnResult, refTo, registered, type TaskJob, type TaskOutcome } from '../task/task-job.ts';
import { taskName } from '../task/task-name.ts';
import { runTask } from '../task/task-run.ts';
import { type PlayBatch, playScope, taskScope } from '../task/variables.ts';
import { InOrder, inParallel } from './pool.ts';
import { reportResult } from './report-result.ts';
import { type RunState, tagsSelect } from './run-state.ts';

/** Thrown to end a whole play (or run) at once; carries the error that decided it. */
class PlayStopped extends Error {
  readonly error: PitrError | undefined;

  constructor(error: PitrError | undefined) {
    super(error?.message ?? 'the play ended');
    this.error = error;
  }
}

interface SettledOutcome {
  readonly outcome: TaskOutcome;
  readonly durationMs: number;
  /** It ended before the run was resumed. */
  readonly earlier: boolean;
}

export interface PlayOutcome {
  /** No later play may run. */
  readonly stopRun: boolean;
  readonly error: PitrError | undefined;
}

/**
 * Runs the tasks of a play on its hosts: task by task on all hosts at once (`linear`), or each host at its own pace
 * (`free`). Hosts that fail leave the play; blocks rescue them.
 */
export class PlayRun {
  readonly #run: RunState;
  readonly #vars: PlayBatch;
  /** Hosts that failed in this play and were not rescued. */
  readonly #failed = new Map<string, PitrError>();
  /** Hosts on which a change may still be at work whose connection was lost: nothing goes on beside it. */
  readonly #atWork = new Set<string>();
  #firstError: PitrError | undefined;

  constructor(run: RunState, vars: PlayBatch) {
    this.#run = run;
    this.#vars = vars;
  }

  /** Runs everything. Handlers run at the end, also for hosts that are left when others failed. */
  async play(): Promise<PlayOutcome> {
    const { play, hosts } = this.#vars;
    try {
      if (play.strategy === 'free') {
        await inParallel(hosts, this.#run.forks, (host) => this.#steps(play.tasks, [host]));
      } else {
        await this.#steps(play.tasks, hosts);
      }
      const left = this.#run.forceHandlers
        ? this.#free(hosts)
        : hosts.filter((host) => !this.#failed.has(host));
      await this.#flushHandlers(left);
    } catch (thrown) {
      if (!(thrown instanceof PlayStopped)) throw thrown;
      if (thrown.error === undefined) return { stopRun: false, error: this.#firstError };
      return { stopRun: true, error: thrown.error };
    }
    const allFailed = hosts.length > 0 && hosts.every((host) => this.#failed.has(host));
    return { stopRun: allFailed, error: this.#firstError };
  }

  /** Runs steps in order; gives the hosts that are still in the play afterwards. */
  async #steps(steps: readonly Step[], hosts: readonly string[]): Promise<readonly string[]> {
    let alive = hosts;
    for (const step of steps) {
      if (alive.length === 0) return alive;
      alive = step.kind === 'block' ? await this.#block(step, alive) : await this.#task(step, alive, false);
    }
    return alive;
  }

  async #block(block: Block, hosts: readonly string[]): Promise<readonly string[]> {
    const survivors = await this.#guarded(() => this.#steps(block.block, hosts), block, hosts);
    const failed = this.#free(hosts).filter((host) => !survivors.includes(host));
    let rescued: readonly string[] = [];
    if (failed.length > 0 && block.rescue.length > 0 && !this.#run.signal.aborted) {
      const kinds = new Map(failed.map((host) => [host, this.#failed.get(host)?.kind]));
      for (const host of failed) this.#forgive(host);
      rescued = await this.#steps(block.rescue, failed);
      for (const host of rescued)
        this.#run.recap.rescue(host, kinds.get(host) === 'unreachable' ? 'unreachable' : 'failed');
    }
    const after = [...survivors, ...rescued];
    if (block.always.length > 0 && !this.#run.signal.aborted) {
      const errors = new Map(this.#failed);
      const through = await this.#steps(block.always, this.#free(hosts));
      for (const host of hosts) if (errors.has(host)) this.#failed.set(host, errors.get(host) as PitrError);
      return after.filter((host) => through.includes(host));
    }
    return after;
  }

  /**
   * Inside a block that rescues or cleans up, an `any_errors_fatal` failure ends the block on all hosts, not yet the play.
   * Only hosts that failed are rescued: what rescue takes back was not done wrong on the others. Gives those.
   */
  async #guarded(
    work: () => Promise<readonly string[]>,
    block: Block,
    hosts: readonly string[],
  ): Promise<readonly string[]> {
    if (block.rescue.length === 0 && block.always.length === 0) return work();
    try {
      return await work();
    } catch (thrown) {
      if (
        !(thrown instanceof PlayStopped) ||
        thrown.error === undefined ||
        thrown.error.kind === 'interrupted'
      )
        throw thrown;
      const unhurt = hosts.filter((host) => !this.#failed.has(host));
      // A host that cannot be rescued leaves the failure standing, and so it ends the play.
      if (block.rescue.length > 0 && this.#free(hosts).length === hosts.length) {
        this.#tellLeft(unhurt, thrown.error);
        return unhurt;
      }
      for (const host of unhurt) {
        this.#failed.set(host, thrown.error);
        this.#run.journal?.left(host);
      }
      await this.#steps(block.always, this.#free(hosts));
      throw thrown;
    }
  }

  #free(hosts: readonly string[]): readonly string[] {
    return hosts.filter((host) => !this.#atWork.has(host));
  }

  /** The rest of a block is left out on hosts on which nothing failed: nobody has to guess why. */
  #tellLeft(hosts: readonly string[], error: PitrError): void {
    for (const host of hosts) {
      this.#run.emit({
        type: 'warning',
        time: Date.now(),
        text: `the rest of the block is left out here, because it failed on ${error.host ?? 'another host'} (any_errors_fatal); rescue runs only where it failed`,
        host,
      });
    }
  }

  #forgive(host: string): void {
    const error = this.#failed.get(host);
    this.#failed.delete(host);
    this.#run.lost.delete(host);
    this.#run.journal?.rescued(host);
    if (this.#firstError === error) this.#firstError = [...this.#failed.values()][0];
  }

  async #task(task: Task, hosts: readonly string[], handler: boolean): Promise<readonly string[]> {
    if (!handler && !tagsSelect(task.tags, this.#run.tags)) return hosts;
    this.#run.signal.throwIfAborted();
    if (task.module === 'meta') return this.#meta(task, hosts);
    const [first] = hosts;
    if (first === undefined) return hosts;
    const ref = refTo(task, taskName(task, taskScope(this.#run, this.#vars, first, task)));
    const module = await loadModule(task.module, [this.#vars.play.directory]);
    const doers = task.runOnce ? [first] : hosts;
    const turns = new Map(doers.map((host) => [host, this.#run.turns.next(host, task.id)]));
    const job: TaskJob = { run: this.#run, vars: this.#vars, task, ref, module, turns };
    const before = new Map(doers.map((host) => [host, pastOutcome(job, host)]));
    const settled = new InOrder<SettledOutcome>(doers.length, (index, ended) => {
      const host = doers[index];
      return host !== undefined && this.#settle(job, host, ended, hosts).failed ? [host] : [];
    });
    const working = doers.filter((host) => before.get(host) === undefined);
    if (working.length > 0)
      this.#run.emit({ type: 'task.started', time: Date.now(), task: ref, hosts: working, handler });
    await inParallel([...doers.entries()], this.#run.forks, async ([index, host]) => {
      const started = performance.now();
      const earlier = before.get(host);
      const outcome = earlier ?? (await runTask(job, host));
      const durationMs = performance.now() - started;
      settled.put(index, { outcome, durationMs, earlier: earlier !== undefined });
    });
    const failed = settled.results();
    if (working.length > 0) this.#run.emit({ type: 'task.finished', time: Date.now(), task: ref });
    if (failed.length > 0) this.#afterFailures(task, task.runOnce ? [...hosts] : failed, failed[0] ?? first);
    return hosts.filter((host) => !this.#failed.has(host));
  }

  /** Stores, counts and reports a result. */
  #settle(
    job: TaskJob,
    host: string,
    { outcome, durationMs, earlier }: SettledOutcome,
    playHosts: readonly string[],
  ): { readonly failed: boolean } {
    const { task } = job;
    const isFailure = outcome.status === 'failed' || outcome.status === 'unreachable';
    // A lost host is no error of the task; one that was let pass before the run was resumed stays so.
    const ignorable = outcome.status === 'failed' || (isFailure && earlier);
    const ignored = ignorable && outcome.error?.kind !== 'interrupted' && this.#ignores(task, host);
    learnResult(this.#run.masker, task, outcome.result);
    const receivers = task.runOnce ? playHosts : [host];
    for (const receiver of receivers) this.#remember(task, receiver, outcome);
    if (outcome.status === 'changed') for (const receiver of receivers) this.#notify(task, receiver);
    if (!earlier) reportResult(job, host, outcome, durationMs, ignored);
    if (isFailure && !ignored && outcome.error !== undefined) {
      for (const receiver of receivers) this.#failed.set(receiver, outcome.error);
      if (isLeftAtWork(outcome.error)) for (const receiver of receivers) this.#atWork.add(receiver);
      this.#firstError ??= outcome.error;
      this.#run.lost.add(host);
    }
    return { failed: isFailure && !ignored };
  }

  #ignores(task: Task, host: string): boolean {
    if (task.ignoreErrors === undefined) return false;
    const scope = taskScope(this.#run, this.#vars, host, task);
    return allTrue([task.ignoreErrors], scope) === true;
  }

  #remember(task: Task, host: string, outcome: TaskOutcome): void {
    let facts = this.#run.facts.get(host);
    if (facts === undefined) {
      facts = new Map();
      this.#run.facts.set(host, facts);
    }
    const given = outcome.result.facts;
    if (given !== null && typeof given === 'object')
      for (const [name, value] of Object.entries(given)) facts.set(name, value);
    if (task.register !== undefined) facts.set(task.register, registered(outcome, task.name.value));
  }

  #notify(task: Task, host: string): void {
    for (const wanted of task.notify) {
      const name = String(playScope(this.#run, this.#vars, host).renderLocated(wanted));
      const handlers = this.#vars.play.handlers.filter((handler) => this.#answersTo(handler, name));
      if (handlers.length === 0) {
        throw new PitrError({
          kind: 'validation',
          code: 'handler-unknown',
          message: `there is no handler "${name}"`,
          at: wanted.at,
        });
      }
      const notified = this.#run.notified.get(host) ?? new Map<string, string>();
      for (const handler of handlers) notified.set(handler.id, handler.name.value);
      this.#run.notified.set(host, notified);
    }
  }

  #answersTo(handler: Task, name: string): boolean {
    return handler.name.value === name || handler.listen.includes(name);
  }

  /** Runs the notified handlers in the order in which they are written; on a host on which one fails, no further ones. */
  async #flushHandlers(hosts: readonly string[]): Promise<void> {
    let going = hosts;
    for (const handler of this.#vars.play.handlers) {
      const waiting = going.filter((host) => this.#run.notified.get(host)?.has(handler.id) === true);
      if (waiting.length === 0) continue;
      for (const host of waiting) this.#run.notified.get(host)?.delete(handler.id);
      // With --force-handlers a host may have failed before: only a new error ends its handlers.
      const before = new Map(this.#failed);
      await this.#task(handler, waiting, true);
      going = going.filter((host) => this.#failed.get(host) === before.get(host));
    }
  }

  async #meta(task: Task, hosts: readonly string[]): Promise<readonly string[]> {
    const [first] = hosts;
    const what = Object.values(task.args.value)[0];
    if (first !== undefined && allTrue(task.when, taskScope(this.#run, this.#vars, first, task)) !== true)
      return hosts;
    if (what === 'flush_handlers') await this.#flushHandlers(hosts);
    if (what === 'end_play') throw new PlayStopped(undefined);
    return hosts.filter((host) => !this.#failed.has(host));
  }

  #afterFailures(task: Task, failed: readonly string[], host: string): void {
    const { play, hosts } = this.#vars;
    const error = this.#failed.get(host) ?? this.#firstError;
    if (error === undefined) return;
    if (error.kind === 'interrupted') throw new PlayStopped(error);
    const tooMany =
      play.maxFailPercentage !== undefined &&
      (this.#failed.size / hosts.length) * 100 > play.maxFailPercentage;
    if ((task.anyErrorsFatal ?? play.anyErrorsFatal) || tooMany || (task.runOnce && failed.length > 0))
      throw new PlayStopped(error);
  }
}
