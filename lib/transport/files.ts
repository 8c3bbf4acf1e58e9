import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { PitrError } from '../base/errors/pitr-error.ts';
import { commandNotEnded, fileFailed, interrupted, sourceFailed } from './errors.ts';
import { COMMIT_RECEIVED, OTHERWISE, RECEIVE, WRITE_SMALL } from './file-scripts.ts';
import { statusOf } from './output.ts';
import { commandLine } from './quote.ts';
import type { Runner } from './runner.ts';
import { AFTER_KILL_MS, supervise, within } from './supervise.ts';
import { tail } from './tail.ts';
import type { RunOptions, RunResult, WriteFileOptions } from './types.ts';

/** Up to here a file comes and goes over the standing shell, in one round trip. */
const SMALL_FILE_BYTES = 1024 * 1024;
const SMALL_TEXT = 32 * 1024;
const SLICE_BYTES = 256 * 1024;

const sh = (script: string, args: readonly string[]): readonly string[] => [
  'sh',
  '-c',
  script,
  'sh',
  ...args,
];

/** See `HostConnection.readFile`. */
export async function readFile(
  runner: Runner,
  path: string,
  options: Pick<RunOptions, 'user' | 'signal'>,
): Promise<Uint8Array> {
  const argv = ['head', '-c', String(SMALL_FILE_BYTES + 1), '--', path];
  const output = await runner.run(argv, { ...options, maxOutputBytes: 4 * SMALL_FILE_BYTES });
  const result = output.result();
  if (result.exitCode !== 0) throw await notRead(runner, path, result, options);
  const bytes = output.stdout.bytes();
  return bytes.length <= SMALL_FILE_BYTES ? bytes : readLarge(runner, path, options);
}

async function readLarge(
  runner: Runner,
  path: string,
  options: Pick<RunOptions, 'user' | 'signal'>,
): Promise<Uint8Array> {
  const argv = ['cat', '--', path];
  const output = await runner.run(argv, {
    ...options,
    ownChannel: true,
    maxOutputBytes: Number.MAX_SAFE_INTEGER,
  });
  const result = output.result();
  if (result.exitCode !== 0) throw await notRead(runner, path, result, options);
  return output.stdout.bytes();
}

async function notRead(
  runner: Runner,
  path: string,
  result: RunResult,
  options: Pick<RunOptions, 'user' | 'signal'>,
) {
  const there = (await runner.run(['test', '-e', path], options)).result().exitCode === 0;
  return there
    ? fileFailed('file-not-read', `the file cannot be read: ${path}`, evidenceOf(result), [
        `Look at its type and permissions: ${commandLine(['ls', '-ld', path])}`,
      ])
    : fileFailed(
        'file-missing',
        `no such file, or its directory may not be entered: ${path}`,
        evidenceOf(result),
        [`Look for it: ${commandLine(['ls', '-la', path.replace(/[^/]*$/, '') || '.'])}`],
      );
}

/** See `HostConnection.writeFile`. */
export async function writeFile(
  runner: Runner,
  path: string,
  content: Uint8Array | string | Readable,
  options: WriteFileOptions,
): Promise<void> {
  const wishes = [
    path,
    randomBytes(8).toString('hex'),
    options.mode === undefined ? '' : options.mode.toString(8).padStart(4, '0'),
    options.owner ?? '',
    options.group ?? '',
    options.replace === true ? 'yes' : '',
  ];
  const as = { user: options.user, signal: options.signal };
  const small = asSmallText(content);
  if (small !== undefined) {
    const result = (
      await runner.run(sh(WRITE_SMALL, wishes), { ...as, stdin: small, inShell: true })
    ).result();
    if (result.exitCode !== 0) throw notWritten(path, result);
    return;
  }
  const part = `${path.replace(/[^/]*$/, '')}.pitr-${wishes[1]}`;
  const bytes = await receive(runner, path, content, wishes, as).catch(async (error: unknown) => {
    await removePart(error);
    if (!(error instanceof PitrError) || error.kind !== 'unreachable') throw error;
    throw error.with({ details: [`${path} is as it was; what had arrived of it may be left as ${part}`] });
  });
  const commit = sh(COMMIT_RECEIVED, [...wishes, String(bytes), options.sha256 ?? '']);
  const put = await runner.run(commit, { ...as, inShell: true }).catch(async (error: unknown) => {
    await removePart(error);
    throw error;
  });
  const result = put.result();
  if (result.exitCode === OTHERWISE) throw contentOtherwise(path, result);
  if (result.exitCode !== 0) throw notWritten(path, result);

  // Under no signal: it was aborted.
  async function removePart(error: unknown): Promise<void> {
    if (!(error instanceof PitrError) || error.kind !== 'interrupted') return;
    await runner.run(['rm', '-f', '--', part], { user: options.user }).catch(() => undefined);
  }
}

/**
 * Brings the content into a temporary file beside the real one, and gives its size in bytes. The end of the stream alone
 * proves nothing (a lost connection ends it too), so it is put in place only by a second command, which checks the size.
 */
async function receive(
  runner: Runner,
  path: string,
  content: Uint8Array | string | Readable,
  wishes: readonly string[],
  as: Pick<RunOptions, 'user' | 'signal'>,
): Promise<number> {
  const argv = sh(RECEIVE, wishes);
  const { own, kill } = await runner.start(argv, as);
  own.stdout.resume();
  const printed = text(own.stderr);
  printed.catch(() => {});
  const source = content instanceof Readable ? content : Readable.from(slices(Buffer.from(content)));
  let sourceBroke = false;
  let bytes = 0;
  const counted = async function* (chunks: AsyncIterable<Uint8Array | string>) {
    try {
      for await (const chunk of chunks) {
        bytes += Buffer.byteLength(chunk);
        yield chunk;
      }
    } catch (error) {
      sourceBroke = true;
      throw error;
    }
  };
  const failure: unknown = await pipeline(source, counted, own.stdin, { signal: as.signal }).catch(
    (error: unknown) => error ?? new Error('the source ended early'),
  );
  // A receiver that has gone says itself why; that it does not read any more may be heard of first.
  if (failure !== undefined && (sourceBroke || as.signal?.aborted === true)) {
    await kill();
    const late = () => commandNotEnded(`writing ${path}`, own.pid);
    await within(AFTER_KILL_MS, own.ended, late).finally(() => own.abandon());
    const state = `Nothing was written: ${path}`;
    throw as.signal?.aborted ? interrupted(`writing ${path}`, state) : sourceFailed(path, failure, state);
  }
  // Otherwise it was the receiver that ended early, and it says why; or it has all, and brings it to the disk.
  const end = await supervise(own.ended, {
    ...{ what: `writing ${path}`, signal: as.signal, kill },
    pid: () => own.pid,
  }).finally(() => own.abandon());
  const status = statusOf(argv, end.value, undefined, undefined);
  const stderr = await printed;
  if (!('exitCode' in status) || status.exitCode !== 0) throw notWritten(path, { argv, ...status, stderr });
  return bytes;
}

function asSmallText(content: Uint8Array | string | Readable): string | undefined {
  if (content instanceof Readable || content.length > SMALL_TEXT) return undefined;
  if (typeof content === 'string') return content.includes('\0') ? undefined : content;
  return isUtf8(content) && !content.includes(0) ? Buffer.from(content).toString('utf8') : undefined;
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES);
}

function evidenceOf(result: Pick<RunResult, 'argv' | 'exitCode' | 'signal' | 'stderr'>) {
  const { argv, exitCode, signal, stderr } = result;
  return {
    // The scripts are pitr's own and long; the reader wants the path, which the message has.
    command: argv[0] === 'sh' && argv[1] === '-c' ? 'sh -c ...' : commandLine(argv),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(stderr.trim() === '' ? {} : { stderr: tail(stderr) }),
  };
}

function contentOtherwise(path: string, result: Pick<RunResult, 'argv' | 'exitCode' | 'signal' | 'stderr'>) {
  return fileFailed(
    'content-otherwise',
    `what arrived for ${path} is not what was to be sent, so it was not put there`,
    evidenceOf(result),
    ['Its source was changed while it was copied: run this again when it is at rest.'],
  );
}

function notWritten(path: string, result: Pick<RunResult, 'argv' | 'exitCode' | 'signal' | 'stderr'>) {
  const directory = path.replace(/[^/]*$/, '') || '.';
  return fileFailed('file-not-written', `the file cannot be written: ${path}`, evidenceOf(result), [
    `Look at the permissions and the space of its directory: ${commandLine(['ls', '-ld', directory])}; ${commandLine(['df', '-h', directory])}`,
  ]);
}
