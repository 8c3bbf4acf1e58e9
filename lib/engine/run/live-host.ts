import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { isProbe, type Probe } from '../../contract/probe.ts';
import { answerTooLong, commandFailed } from '../../transport/command-failed.ts';
import type { Command, HostConnection, RunOptions, RunResult } from '../../transport/types.ts';
import { askedTogether } from './asked-together.ts';

/** Finds the connection of another host of the inventory. */
export type Peers = (name: string) => HostConnection;

/** What surrounds every command of a task, unless the command says otherwise. */
export interface HostDefaults {
  /** `become_user` of the task. */
  readonly user?: string | undefined;
  /** `environment` of the task. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Sees the words of every command before it runs. */
  readonly watch?: ((argv: readonly string[]) => void) | undefined;
}

const PROBE_TIMEOUT_MS = 60_000;

/** What the calls of a host have in common. */
interface Surrounded {
  readonly watched: (argv: readonly string[]) => readonly string[];
  readonly merged: <T extends Pick<RunOptions, 'user' | 'env'>>(options: T) => T;
  readonly withSignal: <T extends RunOptions>(options: T) => T;
}

function surroundings(defaults: HostDefaults): Surrounded {
  return {
    watched: (argv) => {
      defaults.watch?.(argv);
      return argv;
    },
    merged: (options) => ({
      ...options,
      ...(options.user === undefined && defaults.user !== undefined ? { user: defaults.user } : {}),
      ...(defaults.env === undefined ? {} : { env: { ...defaults.env, ...options.env } }),
    }),
    withSignal: (options) =>
      options.signal === undefined && defaults.signal !== undefined
        ? { ...options, signal: defaults.signal }
        : options,
  };
}

const forPeers = ({ signal, watch }: HostDefaults): HostDefaults => ({ signal, watch });

/**
 * A host as `read` and looks see it in a run: what `look` answers is what is there, and there is no way to write, also for
 * a module whose types nobody has checked.
 */
export function lookingHost(
  connection: HostConnection,
  peers: Peers,
  defaults: HostDefaults = {},
  { watched, merged, withSignal }: Surrounded = surroundings(defaults),
): ReadHost {
  const asCommand = (probe: Probe): Command => {
    if (!isProbe(probe)) throw new TypeError('the host is asked by what probe() or probeScript() has made');
    const { argv, user, env, inShell, maxOutputBytes } = probe;
    return merged({ argv: watched(argv), user, env, inShell, maxOutputBytes });
  };
  // What the playbook's author looks with is judged by its exit code, and shown.
  const whole = (result: RunResult, probe: Probe): RunResult => {
    if (result.truncated !== true || probe.authors === true) return result;
    throw answerTooLong(result, connection.name);
  };
  const ask = askedTogether(connection, withSignal);
  const host: ReadHost = {
    name: connection.name,
    query: async (probe) => {
      const { timeoutMs = PROBE_TIMEOUT_MS, authors = false } = probe;
      return whole(await ask(asCommand(probe), { timeoutMs, exactly: authors }), probe);
    },
    stream: (probe) => connection.spawn(probe.argv, withSignal(asCommand(probe))),
    queryAll: async (probes) => {
      const timeoutMs = Math.max(PROBE_TIMEOUT_MS, ...probes.map((probe) => probe.timeoutMs ?? 0));
      const results = await connection.batch(probes.map(asCommand), withSignal({ timeoutMs }));
      for (const [index, probe] of probes.entries()) {
        const result = results[index];
        if (result !== undefined) whole(result, probe);
      }
      return results;
    },
    look: (resource, id) => resource.read(host, id),
    peer: (name) => lookingHost(peers(name), peers, forPeers(defaults)),
  };
  return host;
}

/** A host as `apply` and `undo` see it: all that can be looked at, and written. */
export function liveHost(connection: HostConnection, peers: Peers, defaults: HostDefaults = {}): WriteHost {
  const around = surroundings(defaults);
  const { watched, merged, withSignal } = around;
  const host: WriteHost = {
    ...lookingHost(connection, peers, defaults, around),
    peer: (name) => liveHost(peers(name), peers, forPeers(defaults)),
    afterwards: (deadlineMs) =>
      liveHost(connection, peers, { ...defaults, signal: AbortSignal.timeout(deadlineMs) }),
    run: (argv, options = {}) => connection.run(watched(argv), withSignal(merged(options))),
    batch: (commands, options = {}) => {
      for (const { argv } of commands) watched(argv);
      return connection.batch(commands.map(merged), withSignal(options));
    },
    spawn: (argv, options = {}) => connection.spawn(watched(argv), withSignal(merged(options))),
    readFile: (path, options = {}) => connection.readFile(path, withSignal(merged(options))),
    writeFile: (path, content, options = {}) =>
      connection.writeFile(
        path,
        content,
        withSignal(
          options.user === undefined && defaults.user !== undefined
            ? { ...options, user: defaults.user }
            : options,
        ),
      ),
    must: async (argv, options = {}): Promise<RunResult> => {
      const result = await host.run(argv, options);
      if (result.exitCode !== 0) throw commandFailed(result, connection.name);
      return result;
    },
  };
  return host;
}
