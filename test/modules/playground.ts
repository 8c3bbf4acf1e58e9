import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import type { ReadHost } from '../../lib/contract/host.ts';
import type { AnyModule, Change, NewerChange, Question, TaskContext } from '../../lib/contract/module.ts';
import { checkHost } from '../../lib/engine/check/check-host.ts';
import { Predictions } from '../../lib/engine/check/predictions.ts';
import { HeldLocks } from '../../lib/engine/run/held-locks.ts';
import { liveHost } from '../../lib/engine/run/live-host.ts';
import { controllerFile } from '../../lib/engine/task/files.ts';
import { runModule } from '../../lib/engine/task/module-run.ts';
import type { ModuleOutcome } from '../../lib/engine/task/workplace.ts';
import { loadModule } from '../../lib/modules/registry.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import type { ConnectionSettings, HostConnection } from '../../lib/transport/types.ts';

/** Runs modules on real hosts, as the engine does, and keeps what the journal would keep. */
export class Playground {
  readonly runId: string;
  /** Every change that was made, as JSON: what an undo has to work from. */
  readonly journal: {
    readonly host: string;
    readonly module: string;
    readonly change: string;
    readonly undoable: true | string;
  }[] = [];
  readonly questions: Question[] = [];
  readonly warnings: string[] = [];
  readonly output: string[] = [];
  readonly progress: string[] = [];
  /** What `render` gives. */
  template: (extra: Readonly<Record<string, unknown>>, path: string) => string = () => '';
  answer = true;
  /** Whether a text holds one of the run's secrets. */
  holdsSecret: TaskContext['holdsSecret'] = () => false;
  /** What the modules hold; let go of at `close`. */
  readonly locks = new HeldLocks();
  signal: AbortSignal = new AbortController().signal;
  readonly #connections: ReadonlyMap<string, HostConnection>;

  constructor(hosts: Readonly<Record<string, ConnectionSettings>>, runId = '20260101-t1') {
    this.runId = runId;
    this.#connections = new Map(
      Object.entries(hosts).map(([name, settings]) => [name, connectHost(name, settings)]),
    );
  }

  /** Runs a task for real. */
  async run(name: string, params: unknown, host = 'here', user?: string): Promise<ModuleOutcome> {
    return this.#task(name, params, host, undefined, user);
  }

  /** Foresees tasks in order, as `--check` does. */
  async check(
    ...tasks: readonly (readonly [name: string, params: unknown])[]
  ): Promise<readonly ModuleOutcome[]> {
    const predictions = new Predictions();
    const outcomes: ModuleOutcome[] = [];
    for (const [name, params] of tasks) outcomes.push(await this.#task(name, params, 'here', predictions));
    return outcomes;
  }

  /** The host as tasks of a check see it behind this one. */
  async foreseen(name: string, params: unknown): Promise<ReadHost> {
    const predictions = new Predictions();
    await this.#task(name, params, 'here', predictions);
    return checkHost('here', (peer) => this.#connection(peer), predictions);
  }

  /** Takes back the latest change that is still in the journal, from its JSON alone. */
  async undo(): Promise<void> {
    const entry = this.journal.pop();
    if (entry === undefined) throw new Error('nothing to undo');
    await this.undoEntry(entry);
  }

  async undoEntry(entry: Playground['journal'][number]): Promise<void> {
    const module = await loadModule(entry.module);
    if (module.kind !== 'change' || typeof module.undo !== 'function')
      throw new Error(`${entry.module} has no undo`);
    await module.undo(this.host(entry.host), JSON.parse(entry.change) as Change, this.#context());
  }

  /** Asks whether a change may be taken back, before those of the list are. */
  async mayUndo(entry: Playground['journal'][number], newer: readonly NewerChange[] = []): Promise<void> {
    const module = await loadModule(entry.module);
    if (module.kind !== 'change') throw new Error(`${entry.module} changes nothing`);
    await module.mayUndo?.(this.host(entry.host), JSON.parse(entry.change) as Change, this.#context(), newer);
  }

  host(name = 'here') {
    return liveHost(this.#connection(name), (peer) => this.#connection(peer));
  }

  async close(): Promise<void> {
    await this.locks.release('ok');
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #task(
    name: string,
    params: unknown,
    host: string,
    predictions: Predictions | undefined,
    user?: string,
  ): Promise<ModuleOutcome> {
    const module: AnyModule = await loadModule(name);
    const given =
      typeof params === 'string' && module.freeForm !== undefined ? { [module.freeForm]: params } : params;
    return runModule(
      name,
      module,
      (module.params as z.ZodType).parse(given),
      {
        host,
        peers: (peer) => this.#connection(peer),
        defaults: { user },
        dryRun: false,
        predictions,
        turn: { task: '1.1', turn: 1, host },
        past: undefined,
        learn: () => {},
        journal: {
          intend: async (entry) =>
            this.journal.push({
              host: entry.host,
              module: entry.module,
              change: JSON.stringify(entry.change),
              undoable: entry.undoable,
            }),
          done: async () => {},
          failed: async () => {},
        },
      },
      this.#context(),
    );
  }

  #connection(name: string): HostConnection {
    const connection = this.#connections.get(name);
    if (connection === undefined) throw new Error(`no host ${name} here`);
    return connection;
  }

  #context(): TaskContext {
    return {
      runId: this.runId,
      operator: 'tester@here',
      signal: this.signal,
      progress: (text) => void this.progress.push(text),
      output: (_stream, text) => void this.output.push(text),
      warn: (text) => void this.warnings.push(text),
      file: (path) => controllerFile(path),
      render: async (path, extra = {}) => this.template(extra, path),
      holdsSecret: this.holdsSecret,
      ask: async (question) => {
        this.questions.push(question);
        return this.answer;
      },
      hold: this.locks.hold,
      held: this.locks.held,
    };
  }
}

export interface LocalPlayground extends AsyncDisposable {
  readonly play: Playground;
  /** A temporary directory of its own. */
  readonly dir: string;
}

/** This machine, in a temporary directory. */
export async function localPlayground(): Promise<LocalPlayground> {
  const dir = await mkdtemp(join(tmpdir(), 'pitr-modules-'));
  const play = new Playground({ here: { kind: 'local' } });
  return {
    play,
    dir,
    [Symbol.asyncDispose]: async () => {
      await play.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
