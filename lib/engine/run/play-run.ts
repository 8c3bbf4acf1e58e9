import type { PitrError } from '../../base/errors/pitr-error.ts';
import type { Block, Step, Task } from '../../language/playbook/model.ts';
import { loadModule } from '../../modules/registry.ts';
import { pastDoer, pastOutcome } from '../back/past-outcome.ts';
import { ignorable } from '../task/ignored.ts';
import { learnResult, refTo, type TaskJob, type TaskOutcome } from '../task/task-job.ts';
import { taskName } from '../task/task-name.ts';
import { runTask } from '../task/task-run.ts';
import { type PlayBatch, taskScope } from '../task/variables.ts';
import { handOn } from './hand-on.ts';
import { metaHolds } from './meta-condition.ts';
import { tellOpen } from './open-handlers.ts';
import { PlayFailures, PlayStopped, untilStopped } from './play-failures.ts';
import { InOrder, inParallel } from './pool.ts';
import { reportResult } from './report-result.ts';
import { type RunState, tagsSelect } from './run-state.ts';

interface SettledOutcome {
  readonly outcome: TaskOutcome;
  readonly durationMs: number;
  /** It ended before the run was resumed. */
  readonly earlier: boolean;
}

export interface PlayOutcome {
  /** No later play may run. */
  readonly stopRun: boolean;
  /** `meta: end_play`: no later batch of this play may run. */
  readonly ended: boolean;
  readonly error: PitrError | undefined;
}

/**
 * Runs the tasks of a play on its hosts: task by task on all hosts at once (`linear`), or each host at its own pace
 * (`free`). Hosts that fail leave the play; blocks rescue them.
 */
export class PlayRun {
  readonly #run: RunState;
  readonly #vars: PlayBatch;
  readonly #failures: PlayFailures;
  /** With `free`: what has ended the play on one host. The others finish what they are at, and begin nothing more. */
  #ended: { readonly thrown: unknown } | undefined;

  constructor(run: RunState, vars: PlayBatch) {
    this.#run = run;
    this.#vars = vars;
    this.#failures = new PlayFailures(run);
  }

  /** Runs everything. Handlers run at the end, also for hosts that are left when others failed. */
  async play(): Promise<PlayOutcome> {
    const { hosts } = this.#vars;
    try {
      const stop = await untilStopped(() => this.#tasks());
      if (stop !== undefined) await this.#handlersAfter(stop);
      if (this.#run.forceHandlers) this.#failures.leaveOthers(hosts);
      await this.#flushHandlers(
        this.#run.forceHandlers
          ? this.#failures.free(hosts)
          : hosts.filter((host) => this.#failures.of(host) === undefined),
      );
    } catch (thrown) {
      if (!(thrown instanceof PlayStopped)) throw thrown;
      if (thrown.error === undefined) return { stopRun: false, ended: true, error: this.#failures.first };
      return { stopRun: true, ended: true, error: thrown.error };
    }
    const allFailed = hosts.length > 0 && hosts.every((host) => this.#failures.of(host) !== undefined);
    return { stopRun: allFailed, ended: false, error: this.#failures.first };
  }

  async #tasks(): Promise<void> {
    const { play, hosts } = this.#vars;
    if (play.strategy === 'free')
      await inParallel(hosts, this.#run.forks, (host) => this.#alone(play.tasks, host));
    else await this.#steps(play.tasks, hosts);
  }

  /** `--force-handlers`: a failure has stopped the play, and stops it after them, too, whatever becomes of them. */
  async #handlersAfter(stop: PlayStopped): Promise<never> {
    const { hosts } = this.#vars;
    if (this.#run.forceHandlers && !this.#run.signal.aborted) {
      this.#ended = undefined;
      // What they do here is no part of the play: when a resumed run has ended it, they may be called for again.
      this.#failures.leave(hosts.filter((host) => this.#failures.of(host) === undefined));
      this.#failures.leaveOthers(hosts);
      await untilStopped(() => this.#flushHandlers(this.#failures.free(hosts)));
    }
    throw stop;
  }

  async #alone(steps: readonly Step[], host: string): Promise<void> {
    try {
      await this.#steps(steps, [host]);
    } catch (thrown) {
      this.#ended ??= { thrown };
      throw thrown;
    }
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

  /**
   * Inside a block that rescues or cleans up, an `any_errors_fatal` failure ends the block on all hosts, not yet the play.
   * Only hosts that failed are rescued: what rescue takes back was not done wrong on the others. `always` runs on all.
   */
  async #block(block: Block, hosts: readonly string[]): Promise<readonly string[]> {
    if (block.rescue.length === 0 && block.always.length === 0) return this.#steps(block.block, hosts);
    const before = this.#failures.now();
    const counted = this.#run.recap.all();
    const work = (): Promise<unknown> => this.#steps(block.block, hosts);
    let stop = await untilStopped(
      block.rescue.length === 0 ? work : () => this.#failures.rescuable(hosts, work),
    );
    const free = this.#failures.free(hosts);
    const failed = this.#failures.since(before, free);
    const unhurt = this.#through(hosts, before);
    const goesOn = !this.#run.signal.aborted && this.#ended === undefined;
    // A host that cannot be rescued leaves its failure standing, which stops the play.
    const standing = stop !== undefined && free.length < hosts.length;
    const rescues = failed.length > 0 && block.rescue.length > 0 && goesOn && !standing;
    if (rescues) {
      if (stop?.error !== undefined) this.#tellLeft(unhurt, stop.error);
      if (stop !== undefined) this.#failures.stay(unhurt);
      stop = await untilStopped(() => this.#rescue(block.rescue, failed, counted));
    }
    if (block.always.length > 0 && !this.#run.signal.aborted) {
      if (stop !== undefined && !rescues) this.#failures.leave(unhurt);
      this.#failures.leaveOthers(free);
      const worse = await untilStopped(() => this.#always(block.always, this.#failures.free(hosts)));
      stop ??= worse;
    }
    if (stop !== undefined) throw stop;
    return this.#through(hosts, before);
  }

  /** The hosts on which nothing has failed since. In an `always` there are such with older failures. */
  #through(hosts: readonly string[], before: ReturnType<PlayFailures['now']>): readonly string[] {
    const failed = this.#failures.since(before, hosts);
    return hosts.filter((host) => !failed.includes(host));
  }

  async #rescue(
    steps: readonly Step[],
    hosts: readonly string[],
    counted: ReturnType<RunState['recap']['all']>,
  ): Promise<void> {
    for (const host of hosts) this.#failures.forgive(host);
    for (const host of await this.#steps(steps, hosts)) this.#run.recap.rescue(host, counted[host]);
  }

  async #always(steps: readonly Step[], hosts: readonly string[]): Promise<void> {
    await this.#failures.cleaning(hosts, () => this.#steps(steps, hosts));
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

  async #task(task: Task, hosts: readonly string[], handler: boolean): Promise<readonly string[]> {
    if (!handler && !tagsSelect(task.tags, this.#run.tags)) return hosts;
    this.#run.signal.throwIfAborted();
    if (this.#ended !== undefined && !hosts.every((host) => this.#failures.isCleaning(host)))
      throw this.#ended.thrown;
    const failedBefore = this.#failures.now();
    if (task.module === 'meta') return this.#meta(task, hosts);
    const [first] = hosts;
    if (first === undefined) return hosts;
    const ref = refTo(task, taskName(task, taskScope(this.#run, this.#vars, first, task)));
    const module = await loadModule(task.module, [this.#vars.play.directory]);
    // What runs once is counted on all hosts of the batch: a resumed run knows it again whoever has done it.
    const counted = task.runOnce ? this.#vars.hosts : hosts;
    const turns = new Map(counted.map((host) => [host, this.#run.turns.next(host, task.id)]));
    const job: TaskJob = { run: this.#run, vars: this.#vars, task, ref, module, turns };
    const doers = task.runOnce ? [pastDoer(job) ?? first] : hosts;
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
    return this.#through(hosts, failedBefore);
  }

  /** Stores, counts and reports a result. */
  #settle(
    job: TaskJob,
    host: string,
    { outcome: ended, durationMs, earlier }: SettledOutcome,
    playHosts: readonly string[],
  ): { readonly failed: boolean } {
    const { task } = job;
    learnResult(this.#run.masker, task, ended.result);
    // Of a result that stands it was said then.
    const judged = earlier
      ? { outcome: ended, ignored: ended.ignored === true }
      : ignorable(job, host, ended);
    const { ignored } = judged;
    const receivers = task.runOnce ? playHosts : [host];
    const outcome = handOn(job, host, judged.outcome, receivers);
    const isFailure = outcome.status === 'failed' || outcome.status === 'unreachable';
    if (!earlier) reportResult(job, host, outcome, durationMs, ignored);
    if (isFailure && !ignored && outcome.error !== undefined) {
      this.#failures.add(receivers, host, outcome.error);
    }
    return { failed: isFailure && !ignored };
  }

  /**
   * Runs the notified handlers in the order in which they are written, each at most once on a host, and then those that
   * a later one has notified; on a host on which one fails, no further ones.
   */
  async #flushHandlers(hosts: readonly string[]): Promise<void> {
    const { notified, maybeNotified, mode } = this.#run;
    const ran = new Set<string>();
    let going = hosts;
    for (let ranBefore = -1; ranBefore < ran.size; ) {
      ranBefore = ran.size;
      for (const handler of this.#vars.play.handlers) {
        const { id } = handler;
        const calledBy = (book: RunState['notified']): readonly string[] => {
          const called = going.filter((host) => book.get(host)?.has(id) && !ran.has(`${id} ${host}`));
          for (const host of called) {
            book.get(host)?.delete(id);
            ran.add(`${id} ${host}`);
          }
          return called;
        };
        const sure = calledBy(notified);
        const open = calledBy(maybeNotified);
        if (open.length > 0 && mode === 'check') await tellOpen(this.#run, this.#vars, handler, open);
        const waiting = mode === 'dry-run' ? [...sure, ...open] : sure;
        if (waiting.length === 0) continue;
        // With --force-handlers a host may have failed before: only a new error ends its handlers.
        const before = this.#failures.now();
        await this.#task(handler, waiting, true);
        going = this.#through(going, before);
      }
    }
  }

  async #meta(task: Task, hosts: readonly string[]): Promise<readonly string[]> {
    const before = this.#failures.now();
    const what = Object.values(task.args.value)[0];
    const [first] = hosts;
    if (first === undefined || what === 'noop') return hosts;
    // Where it ends the play for all, the first host decides, as it does for what runs once.
    const endsPlay = what === 'end_play';
    const chosen = (endsPlay ? [first] : hosts).filter((host) => {
      const { holds, error } = metaHolds(this.#run, this.#vars, task, host);
      if (error !== undefined) this.#failures.add(endsPlay ? hosts : [host], host, error);
      return holds;
    });
    const [failed] = this.#failures.since(before, hosts);
    if (failed !== undefined) this.#afterFailures(task, [failed], failed);
    if (endsPlay && chosen.length > 0) throw new PlayStopped(undefined);
    if (!endsPlay) await this.#flushHandlers(chosen);
    return this.#through(hosts, before);
  }

  #afterFailures(task: Task, failed: readonly string[], host: string): void {
    const { play, hosts } = this.#vars;
    const error = this.#failures.of(host) ?? this.#failures.first;
    if (error === undefined) return;
    if (error.kind === 'interrupted') throw new PlayStopped(error);
    const tooMany =
      play.maxFailPercentage !== undefined &&
      (this.#failures.lasting / hosts.length) * 100 > play.maxFailPercentage;
    if ((task.anyErrorsFatal ?? play.anyErrorsFatal) || tooMany || (task.runOnce && failed.length > 0))
      throw new PlayStopped(error);
  }
}
