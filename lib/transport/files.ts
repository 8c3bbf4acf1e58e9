import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { PitrError } from '../base/errors/pitr-error.ts';
import { commandNotEnded, fileFailed, interrupted, sourceFailed } from './errors.ts';
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

/**
 * The start of each script: $dest, its $dir, and $t, the name of a new file beside it; then what is told of mode and
 * owner, and whether the old file has no say in them.
 */
const NAMES = `
dest=$1 mode=$3 owner=$4 group=$5 replace=$6
case $dest in */*) dir=\${dest%/*}/ ;; *) dir=./ ;; esac
t=$dir.pitr-$2
`;

/*
 * A new file costs four programs on the host: dd, chmod, mv, sync. Two of them flush, and one would not be as safe: before
 * the rename the content has to be on the disk (else a power cut leaves an empty file under the name), and after it the
 * directory (else the journal says done, and the old file is back). The mode is set by chmod and not by the umask, which a
 * default ACL of the directory overrides.
 */

/**
 * Makes $t, 0600, and writes it down to the disk; it goes again unless it is kept. The shell makes it (noclobber: never
 * through a link that somebody planted). A directory is never written into by its name.
 */
const WRITE = `
umask 077
if [ -d "$dest" ] && [ ! -L "$dest" ]; then echo "is a directory: $dest" >&2; exit 21; fi
set -C
: >"$t" || exit
set +C
trap 'rm -f -- "$t"' EXIT
trap 'exit 143' HUP INT TERM
dd bs=64k of="$t" conv=notrunc,fsync status=none || exit
`;

/**
 * The end of each: gives it the owner and mode that were told or that the old file has, and the access list of that: without
 * it, its mask would become what the group may do. (busybox's cp hands no list on, nor does one who may not read the file.)
 * cp says nothing of an owner that it may not give, so they are compared; and what is told is laid over the old ones on an
 * empty file, for under the old ones alone others could read what is private from now on.
 * Puts it in the old one's place (a symbolic link is replaced, not followed: whoever may write to the directory could have
 * planted it), flushes the directory: the journal says at once that the file is there.
 */
const COMMIT = `
like() {
  why=$(LC_ALL=C cp --attributes-only --preserve=mode,ownership -- "$1" "$2" 2>&1) && return
  case $why in *'unrecognized option'* | *'for reading'*) ;; *) echo "$why" >&2; exit 1 ;; esac
}
give() {
  if [ -n "$owner$group" ]; then chown -- "$owner\${group:+:$group}" "$1" || exit; fi
  if [ -n "$mode" ]; then chmod -- "$mode" "$1" || exit; fi
}
if [ -z "$replace" ] && [ -e "$dest" ]; then
  as=$t
  if [ -n "$mode$owner$group" ]; then
    as=$t.empty
    trap 'rm -f -- "$t" "$as"' EXIT
    (umask 077; set -C; : >"$as") || exit
  fi
  if [ -f "$dest" ]; then like "$dest" "$as"; fi
  both=$(stat -L -c '%a %u %g' -- "$dest" "$as") || exit
  set -- $both
  if [ "$as $1 $2 $3" != "$t $4 $5 $6" ]; then mode=\${mode:-$1} owner=\${owner:-$2} group=\${group:-$3}; fi
  if [ "$as" != "$t" ]; then give "$as"; like "$as" "$t"; rm -f -- "$as"; fi
fi
give "$t"
mv -f -T -- "$t" "$dest" || exit
trap - EXIT
sync "$dir"
`;

const WRITE_SMALL = `${NAMES}${WRITE}${COMMIT}`;

const RECEIVE = `${NAMES}${WRITE}\ntrap - EXIT\n`;

/** The exit code of the next script for content that is not what was told. */
const OTHERWISE = 75;

const COMMIT_RECEIVED = `${NAMES}
trap 'rm -f -- "$t"' EXIT
size=$(wc -c <"$t") || exit
if [ "$size" -ne "$7" ]; then echo "$size bytes arrived instead of $7" >&2; exit 74; fi
if [ -n "$8" ]; then
  sum=$(sha256sum <"$t") || exit
  [ "\${sum%% *}" = "$8" ] || { echo "what arrived has the SHA-256 \${sum%% *} instead of $8" >&2; exit ${OTHERWISE}; }
fi
${COMMIT}`;

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
