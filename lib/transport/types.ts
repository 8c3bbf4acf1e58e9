import type { Readable, Writable } from 'node:stream';
import type { Secret } from '../base/values/secret.ts';
import type { Terminal } from './terminal.ts';

/**
 * Asks a person for the passphrase of a private key; `again`: the one before did not open it. Gives nothing where there is
 * nobody to ask. Throws kind `interrupted`.
 */
export type AskPassphrase = (keyFile: string, again: boolean) => Promise<Secret | undefined>;

/** How a host is reached, as the inventory says it. */
export type ConnectionSettings = SshSettings | DockerSettings | LocalSettings;

export interface SshSettings {
  readonly kind: 'ssh';
  readonly address: string;
  /** Without it what `ssh -G` resolves, else 22. */
  readonly port?: number | undefined;
  /** The login user; without it what `ssh -G` resolves, else the local user. */
  readonly user?: string | undefined;
  /** Private key files, absolute, tried in order before the agent's keys and the defaults of ~/.ssh. */
  readonly identityFiles: readonly string[];
  readonly passphrase?: Secret | undefined;
  /** For encrypted keys of which no passphrase is given. */
  readonly askPassphrase?: AskPassphrase | undefined;
  readonly password?: Secret | undefined;
  /** known_hosts files, absolute; empty means the user's and the system's own. */
  readonly knownHostsFiles: readonly string[];
  /** `strict` refuses an unknown host key; `accept-new` stores it; a changed key is always refused. */
  readonly hostKeyChecking: 'strict' | 'accept-new';
  /** `[user@]host[:port]`, the first one nearest to us; empty means none. Without it what `ssh -G` resolves. */
  readonly jumps?: readonly string[] | undefined;
  /** Options of the OpenSSH client, which resolves them together with its configuration. */
  readonly clientOptions?: readonly string[] | undefined;
  /** The OpenSSH client of this machine reaches the host; without it pitr itself does. */
  readonly client?: 'openssh' | undefined;
  /** How long a login may take. Without it ten seconds, or more where `ConnectTimeout` is (see `configuredTimeout`). */
  readonly connectTimeoutMs?: number | undefined;
  readonly become?: BecomeSettings | undefined;
}

export interface DockerSettings {
  readonly kind: 'docker';
  /** Container name or id. */
  readonly container: string;
  /** `docker exec -u`; without it the container's own default user. */
  readonly user?: string | undefined;
  readonly become?: BecomeSettings | undefined;
}

export interface LocalSettings {
  readonly kind: 'local';
  readonly become?: BecomeSettings | undefined;
}

export const BECOME_METHODS = ['auto', 'sudo', 'su', 'runuser', 'doas'] as const;

/** How another OS user is become. Without settings: `runuser` when the login user is root, `sudo -n` otherwise. */
export interface BecomeSettings {
  readonly method: (typeof BECOME_METHODS)[number];
  readonly password?: Secret | undefined;
  /** The user of every command that names none; without it that is the login user. */
  readonly user?: string | undefined;
}

/** As the user of a command: the login user, whatever the inventory becomes. */
export const AS_LOGIN_USER = '';

export interface RunOptions {
  /** The OS user that runs the command; without it the one that the inventory becomes, else the login user. */
  readonly user?: string | undefined;
  readonly stdin?: string | Uint8Array | undefined;
  /** The command does not start when this directory cannot be entered. */
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** After this many milliseconds the command and its children are ended on the host, and `timedOut` is true. */
  readonly timeoutMs?: number | undefined;
  readonly inShell?: Command['inShell'];
  /** Ends the command and its children on the host; `run` then rejects with kind `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Live output, as it comes; the result still holds all of it (up to `maxOutputBytes`). */
  readonly onOutput?: ((stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) | undefined;
  /** A channel of its own beside the standing shell: for long commands, so that short ones are not held up. */
  readonly ownChannel?: boolean | undefined;
  /** Per stream; default 16 MiB. What is over is dropped from the middle, with a note in the text. */
  readonly maxOutputBytes?: number | undefined;
}

/** What a command did. A non-zero exit is a result, not an exception: the caller knows what it means. */
export interface RunResult {
  readonly argv: readonly string[];
  /** Absent when a signal ended the command. */
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  /** Decoded as UTF-8, nothing trimmed. */
  readonly stdout: string;
  /** stdout was longer than `maxOutputBytes` and lacks its middle: nothing may be read out of it. */
  readonly truncated?: true;
  readonly stderr: string;
  readonly durationMs: number;
  readonly timedOut: boolean;
}

/** One command of a batch. */
export interface Command {
  readonly argv: readonly string[];
  readonly user?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly maxOutputBytes?: RunOptions['maxOutputBytes'];
  /**
   * The command is `sh -c <script> sh <arguments>`, and its script may run in a subshell of the shell that is there: one of
   * pitr's own, and well formed, which starts nothing that outlives it and has no use for `$$`.
   */
  readonly inShell?: boolean | undefined;
}

/** A running command with streams of bytes, on a channel of its own. */
export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * Resolves when the command has ended, and all that it printed was given to whoever listens for `data`; what a pipe or an
   * iterator takes from a stream may come later. Rejects with kind `unreachable` when the connection was lost first.
   */
  readonly ended: Promise<{ readonly exitCode?: number; readonly signal?: string }>;
  /** Ends the command and its children on the host. */
  kill(): Promise<void>;
}

export interface WriteFileOptions {
  /** The old file has no say: what is not told here comes out as for a new file. */
  readonly replace?: boolean | undefined;
  /** `0640`-style number; without it an existing file's mode is kept, a new one is 0600 & ~umask. */
  readonly mode?: number | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
  /** The OS user that writes; as for a command. */
  readonly user?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Of what a stream holds: anything else that arrives is not put in place, and fails as `content-otherwise`. */
  readonly sha256?: string | undefined;
}

/**
 * A host, connected when first needed. One connection for the whole run; short commands share a standing shell.
 *
 * Every method throws `PitrError` of kind `unreachable` when the host cannot be contacted or is lost midway, and of
 * kind `interrupted` when its signal was aborted.
 */
export interface HostConnection {
  /** The inventory name. */
  readonly name: string;
  /** How it is reached, for messages: `ssh root@127.0.0.1:2201`, `docker exec pitr-lab-db1`, `local`. */
  readonly address: string;
  /** Opens the connection now instead of at first use, and proves that a shell answers. */
  connect(signal?: AbortSignal): Promise<void>;
  /** Runs a command given as an argument list; no shell interprets it. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs several short commands in one round trip, in order; each has its own result, none stops the next. */
  batch(
    commands: readonly Command[],
    options?: Pick<RunOptions, 'timeoutMs' | 'signal'>,
  ): Promise<readonly RunResult[]>;
  /** Starts a command with streams of bytes on a channel of its own. */
  spawn(
    argv: readonly string[],
    options?: Pick<RunOptions, 'user' | 'cwd' | 'env' | 'signal'>,
  ): Promise<RemoteProcess>;
  /**
   * Runs a command on a pseudo-terminal that is joined to the operator's: for programs that a person types to. Nothing
   * else may read or write the terminal meanwhile.
   */
  terminal(
    argv: readonly string[],
    terminal: Terminal,
    options?: Pick<RunOptions, 'user' | 'cwd' | 'env' | 'signal'>,
  ): Promise<{ readonly exitCode?: number; readonly signal?: string }>;
  /** The whole content of a file as bytes. Throws kind `failed` when it cannot be read. */
  readFile(path: string, options?: Pick<RunOptions, 'user' | 'signal'>): Promise<Uint8Array>;
  /**
   * Writes a file whole or not at all: a temporary file in the same directory, owner and mode set before the data
   * is visible, flushed to disk, renamed over the old one.
   */
  writeFile(path: string, content: Uint8Array | string | Readable, options?: WriteFileOptions): Promise<void>;
  close(): Promise<void>;
}
