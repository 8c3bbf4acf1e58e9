import type { Unknown } from '../base/values/unknown.ts';
import type { HostConnection, RemoteProcess, RunOptions, RunResult } from '../transport/types.ts';
import type { Probe } from './probe.ts';

/**
 * What a module's `read` may do to a host: look. There is no way to write here, which is what makes check mode
 * honest. In check mode what earlier tasks would have changed is laid over what `look` answers.
 */
export interface ReadHost {
  /** The inventory name. */
  readonly name: string;
  /** Runs a command that is declared read-only. */
  query(probe: Probe): Promise<RunResult>;
  /** Starts one with streams of bytes on a channel of its own: for what is too large, or is no text. */
  stream(probe: Probe): Promise<RemoteProcess>;
  /** Several of them in one round trip; each has its own result. */
  queryAll(probes: readonly Probe[]): Promise<readonly RunResult[]>;
  /** The state of a resource: as it is, or in check mode as earlier tasks would have left it. */
  look<S>(resource: Resource<S>, id: string): Promise<S | Unknown>;
  /** Another host of the inventory, to look at. */
  peer(name: string): ReadHost;
}

/** What `apply` and `undo` get: the whole host. */
export interface WriteHost
  extends ReadHost,
    Pick<HostConnection, 'run' | 'batch' | 'spawn' | 'readFile' | 'writeFile'> {
  /** Runs a command and throws kind `failed` with the command's own stderr when it does not exit 0. */
  must(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  peer(name: string): WriteHost;
  /**
   * The same host with a deadline of its own, in milliseconds, in the place of the task's signal: for what has to be put
   * right also after the task was interrupted or its time was over.
   */
  afterwards(deadlineMs: number): WriteHost;
}

/**
 * A kind of thing that tasks change and look at (a path, a service, a PostgreSQL instance). Modules of different
 * families meet here: what `barman.recover` would create, `fs.move` sees in check mode.
 */
export interface Resource<S> {
  readonly kind: string;
  /** `run`: one state for the whole run (a Patroni cluster); `host`: one a host (a path). */
  readonly scope: 'host' | 'run';
  readonly read: (host: ReadHost, id: string) => Promise<S>;
  /** Ids form a tree with `/` (paths): what is said of a directory is said of what lies in it. */
  readonly tree?: {
    /** The state of something that is not there. */
    readonly absent: S;
  };
}
