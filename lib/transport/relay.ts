import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PitrError } from '../base/errors/pitr-error.ts';
import { Capture } from './capture.ts';
import { interrupted } from './errors.ts';
import type { ExitStatus } from './exit-status.ts';
import { tail } from './tail.ts';
import type { RemoteProcess } from './types.ts';

export interface RelayOptions {
  /** Names the transfer in messages: `/var/lib/... from db1 to db2`. */
  readonly what: string;
  /** Both commands were made with `withDigest`: their sums must be the one of what went through the controller. */
  readonly verifyDigests?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes that the sink has taken so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export interface RelayResult {
  readonly bytes: number;
  /** Of the bytes that went through, in hex. */
  readonly sha256: string;
  readonly sinkStdout: string;
}

type Role = 'source' | 'sink';

/**
 * Streams what one command prints into another one on another host, through the controller, with back pressure and
 * no temporary file. Resolves when both have ended well; a source that broke off midway looks like a good end to
 * its reader, so nothing counts as done before its exit code is known. When one end fails, the other is ended.
 */
export async function relay(
  source: RemoteProcess,
  sink: RemoteProcess,
  options: RelayOptions,
): Promise<RelayResult> {
  const { signal } = options;
  const sides = { source: new Side('source', source), sink: new Side('sink', sink) };
  const sinkStdout = collected(sink.stdout);
  source.stdin.end();
  const hash = createHash('sha256');
  let bytes = 0;
  const observed = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
      bytes += chunk.length;
      options.onProgress?.(bytes);
    }
  };
  const failure: unknown = await pipeline(source.stdout, observed, sink.stdin, { signal }).catch(
    (error: unknown) => error ?? new Error('the stream ended early'),
  );
  if (failure !== undefined) await bothEnd(sides.source, sides.sink);
  const results = await Promise.all([sides.source.outcome(), sides.sink.outcome()]);
  if (signal?.aborted) throw interrupted(options.what, stopped(results));
  // The end that failed by itself is the reason; the other one was only stopped because of it.
  const [first] = results.filter((one) => one.failed).sort((a, b) => blame(a) - blame(b));
  if (first !== undefined) throw endFailed(first, options.what);
  if (failure !== undefined) throw brokenOff(options.what, failure);
  const sha256 = hash.digest('hex');
  if (options.verifyDigests) {
    for (const one of results)
      if (digestOf(one.stderr) !== sha256) throw digestDiffers(one, options.what, sha256);
  }
  return { bytes, sha256, sinkStdout: sinkStdout.text() };
}

/** Throws where one does not end although it was killed: nobody may wait for it. Whose host is gone tells it itself. */
async function bothEnd(...sides: readonly Side[]): Promise<void> {
  for (const end of await Promise.allSettled(sides.map((side) => side.end()))) {
    const error: unknown = end.status === 'rejected' ? end.reason : undefined;
    if (error instanceof PitrError && error.code === 'command-not-ended') throw error;
  }
}

/** How things stand after an abort: an end that could not be told to stop, or does not, says so itself. */
function stopped(results: readonly Outcome[]): string {
  const going = results.flatMap(({ error }) =>
    error instanceof PitrError && error.kind !== 'interrupted' ? [error] : [],
  );
  if (going.length === 0) return 'Both ends were stopped; what had arrived is incomplete.';
  return `What had arrived is incomplete. ${going.map(({ message, state }) => [message, state].join('. ')).join(' ')}`;
}

interface Outcome {
  readonly role: Role;
  readonly status: ExitStatus | undefined;
  readonly error: unknown;
  readonly failed: boolean;
  readonly stopped: boolean;
  readonly stderr: string;
}

/** Lower is likelier the cause: we end with a signal, so an end with an exit code of its own ended by itself. */
function blame({ stopped, status }: Outcome): number {
  if (!stopped) return 0;
  return status !== undefined && 'exitCode' in status ? 1 : 2;
}

class Side {
  readonly #role: Role;
  readonly #process: RemoteProcess;
  readonly #stderr: Capture;
  #over = false;
  #stopped = false;

  constructor(role: Role, process: RemoteProcess) {
    this.#role = role;
    this.#process = process;
    this.#stderr = collected(process.stderr);
    const over = (): void => {
      this.#over = true;
    };
    process.ended.then(over, over);
  }

  /** Ends the command, unless it has ended. */
  async end(): Promise<void> {
    if (this.#over) return;
    this.#stopped = true;
    await this.#process.kill();
  }

  async outcome(): Promise<Outcome> {
    try {
      const ended = await this.#process.ended;
      const facts = { role: this.#role, stopped: this.#stopped };
      const status: ExitStatus =
        ended.signal === undefined ? { exitCode: ended.exitCode ?? 255 } : { signal: ended.signal };
      const failed = !('exitCode' in status) || status.exitCode !== 0;
      return { ...facts, status, error: undefined, failed, stderr: this.#stderr.text() };
    } catch (error) {
      return {
        role: this.#role,
        stopped: this.#stopped,
        status: undefined,
        error,
        failed: true,
        stderr: this.#stderr.text(),
      };
    }
  }
}

function collected(stream: Readable): Capture {
  const capture = new Capture(256 * 1024);
  stream.on('data', (chunk: Uint8Array) => capture.push(chunk));
  return capture;
}

function endFailed(end: Outcome, what: string): unknown {
  const state = 'What has arrived is incomplete and must not be used.';
  if (end.error !== undefined) return end.error instanceof PitrError ? end.error.with({ state }) : end.error;
  const { status } = end;
  const how =
    status === undefined
      ? 'failed'
      : 'signal' in status
        ? `was ended by ${status.signal}`
        : `failed with exit code ${status.exitCode}`;
  return new PitrError({
    kind: 'failed',
    code: end.role === 'source' ? 'relay-source-failed' : 'relay-sink-failed',
    message: `the ${end.role === 'source' ? 'sending' : 'receiving'} end ${how}: ${what}`,
    evidence: {
      command: end.role,
      ...(status !== undefined && 'exitCode' in status ? { exitCode: status.exitCode } : {}),
      ...(status !== undefined && 'signal' in status ? { signal: status.signal } : {}),
      ...(end.stderr.trim() === '' ? {} : { stderr: tail(end.stderr) }),
    },
    state,
    next: ['Mend what stderr tells, then run the transfer again.'],
  });
}

function brokenOff(what: string, cause: unknown): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'relay-broken-off',
    message: `the transfer broke off although both ends say they are done: ${what}`,
    details: [cause instanceof Error ? cause.message : String(cause)],
    state: 'What has arrived is incomplete and must not be used.',
    next: ['Run the transfer again.'],
    cause,
  });
}

function digestDiffers(end: Outcome, what: string, sha256: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'relay-digest-differs',
    message: `the bytes differ between the ${end.role} and the controller: ${what}`,
    details: [
      `controller: sha256 ${sha256}`,
      `${end.role}: sha256 ${digestOf(end.stderr) ?? '(none was printed)'}`,
    ],
    state: 'What has arrived is not what was sent and must not be used.',
    next: ['Run the transfer again; when it happens twice, look for a failing disk or memory.'],
  });
}

const DIGEST_LINE = /^pitr-sha256 ([0-9a-f]{64})$/m;

function digestOf(stderr: string): string | undefined {
  return DIGEST_LINE.exec(stderr)?.[1];
}

const PRELUDE = `
d=$(mktemp -d) || exit
trap 'rm -rf -- "$d"' EXIT
trap 'exit 143' HUP INT TERM
mkfifo "$d/pipe" || exit
sha256sum <"$d/pipe" >"$d/sum" &
`;

const FINISH = `
wait
read -r sum rest <"$d/sum"
echo "pitr-sha256 $sum" >&2
exit "$status"
`;

const SCRIPTS: Readonly<Record<Role, string>> = {
  source: `${PRELUDE}{ (exec "$@"); echo "$?" >"$d/status"; } | tee "$d/pipe"\nread -r status <"$d/status"\n${FINISH}`,
  sink: `${PRELUDE}tee "$d/pipe" | (exec "$@")\nstatus=$?\n${FINISH}`,
};

/**
 * A command that does the same, and prints the SHA-256 of what it wrote (source) or was given (sink) on stderr when
 * it ends, for `verifyDigests`. Needs mktemp, mkfifo, tee and sha256sum on the host.
 */
export function withDigest(argv: readonly string[], role: Role): readonly string[] {
  return ['sh', '-c', SCRIPTS[role], 'sh', ...argv];
}
