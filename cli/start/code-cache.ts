import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import type { Script } from 'node:vm';
import { makeDirectory } from '../../lib/base/files/make-directory.ts';

const HASH_BYTES = 32;
const LENGTH_BYTES = 4;
/** Versions of pitr and of Node that take turns on one account. */
const KEPT = 4;

/**
 * What V8 has compiled of a file, kept from one process to the next in a directory that only its user can write
 * (`$XDG_CACHE_HOME/pitr`, else `~/.cache/pitr`). It is code that will be run, so it is taken only from a directory and
 * a file that are the user's own and nobody else's to write, never through a link, and only when its bytes are those
 * that were written. Where anything is in the way it is left out: it makes a start faster, and never makes one fail.
 */
export class CodeCache {
  /** Something was kept that can be believed. */
  readonly #known: boolean;
  /** The parts of the file whose code is in it. */
  readonly #parts: ReadonlySet<string>;
  readonly #place: string | undefined;

  private constructor(place: string | undefined, kept: Kept | undefined) {
    this.#place = place;
    this.#known = kept !== undefined;
    this.#parts = new Set(kept?.parts);
  }

  /** The text and the code are megabytes that nobody needs once they are compiled: the cache does not hold them. */
  static open(file: string): Opened {
    // ASCII as built (everything else is escaped), so that V8 keeps one byte a character.
    const source = readFileSync(file, 'latin1');
    const place = tried(() => join(directory(), nameFor(file, source)));
    const kept = place === undefined ? undefined : tried(() => read(place));
    return { source, data: kept?.data, cache: new CodeCache(place, kept) };
  }

  /** Keeps what is compiled now, if that is more than what was there: parts that this process was the first to start. */
  keep(script: Script, started: readonly string[]): void {
    const place = this.#place;
    const known = this.#known && script.cachedDataRejected !== true;
    if (place === undefined || (known && started.every((part) => this.#parts.has(part)))) return;
    const parts = known ? new Set([...this.#parts, ...started]) : started;
    tried(() => write(place, script.createCachedData(), [...parts]));
  }
}

/**
 * The name says all that the code depends on: the file's content (by the hash that it was built with, and by size and
 * time, should somebody have edited it since), V8 with its version and flags, the processor.
 */
function nameFor(file: string, source: string): string {
  const { size, mtimeMs } = statSync(file);
  const key = [source.slice(0, source.indexOf('\n')), size, mtimeMs, process.version, process.arch];
  const hash = createHash('sha256')
    .update([...key, cachedDataVersionTag()].join(' '))
    .digest('hex');
  return `${hash.slice(0, 32)}.code`;
}

function directory(): string {
  const given = process.env.XDG_CACHE_HOME;
  // The standard says that a relative one is to be ignored.
  return join(given !== undefined && isAbsolute(given) ? given : join(homedir(), '.cache'), 'pitr');
}

/** A file that is to be compiled. */
export interface Opened {
  /** The file as text. */
  readonly source: string;
  /** The compiled code; absent when there is none to be believed. */
  readonly data: Buffer | undefined;
  readonly cache: CodeCache;
}

interface Kept {
  readonly parts: readonly string[];
  readonly data: Buffer;
}

function read(place: string): Kept | undefined {
  if (!isOwnDirectory(join(place, '..'))) return undefined;
  const handle = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { uid, mode, nlink } = fstatSync(handle);
    const ours = uid === process.getuid?.() && (mode & 0o7777) === 0o600 && nlink === 1;
    if (!ours || (mode & constants.S_IFMT) !== constants.S_IFREG) return undefined;
    const bytes = readFileSync(handle);
    const content = bytes.subarray(HASH_BYTES);
    // V8 believes what it is given: a file cut off by a full disk would crash it.
    if (!bytes.subarray(0, HASH_BYTES).equals(sha256(content))) return undefined;
    const end = LENGTH_BYTES + content.readUInt32LE();
    return { parts: content.toString('utf8', LENGTH_BYTES, end).split('\n'), data: content.subarray(end) };
  } finally {
    closeSync(handle);
  }
}

function write(place: string, data: Buffer, parts: readonly string[]): void {
  const folder = join(place, '..');
  makeDirectory(folder);
  if (!isOwnDirectory(folder)) return;
  const names = Buffer.from(parts.join('\n'));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(names.length);
  const content = Buffer.concat([length, names, data]);
  const beside = `${place}.${randomBytes(8).toString('hex')}`;
  try {
    writeFileSync(beside, Buffer.concat([sha256(content), content]), { flag: 'wx', mode: 0o600 });
    renameSync(beside, place);
  } finally {
    rmSync(beside, { force: true });
  }
  forgetOld(folder);
}

/** A directory, not a link to one, of this user, that nobody else can write to. */
function isOwnDirectory(folder: string): boolean {
  const { uid, mode } = lstatSync(folder);
  return (
    (mode & constants.S_IFMT) === constants.S_IFDIR && uid === process.getuid?.() && (mode & 0o022) === 0
  );
}

function forgetOld(folder: string): void {
  const all = readdirSync(folder)
    .filter((name) => /^[0-9a-f]{32}\.code/.test(name))
    .map((name) => ({ path: join(folder, name), at: lstatSync(join(folder, name)).mtimeMs }));
  for (const { path } of all.sort((a, b) => b.at - a.at).slice(KEPT)) rmSync(path, { force: true });
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Nothing about the cache is worth a word, let alone an error: no home, no space, a directory of somebody else. */
function tried<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
