import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PitrError } from '../../base/errors/pitr-error.ts';
import { makeDirectory } from '../../base/files/make-directory.ts';
import type { Chain } from './chain.ts';
import { type JournalPlace, notBegun, notWritten } from './not-written.ts';
import type { JournalRecord } from './records.ts';

/** A record that is only written comes onto the disk with the next durable one, or after this time. */
const SYNC_WITHIN_MS = 20;

interface Waiting {
  /** It waits for the disk, not only for the kernel. */
  readonly durable: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Appends records to a run's journal. What is asked to be durable is on disk when its promise resolves; records that
 * come while a flush is under way share the next one, so many hosts cost one flush.
 *
 * The first write that fails is the last one: what comes after it would stand behind a gap, or behind half a line.
 * From then on everything is refused with its error, and so no change begins any more.
 */
export class JournalWriter {
  readonly #file: FileHandle;
  readonly #place: JournalPlace;
  readonly #chain: Chain | undefined;
  /** How much is there at least: what was there, and what this writer has added. */
  #size = 0;
  #lines: string[] = [];
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #late: NodeJS.Timeout | undefined;
  #broken: PitrError | undefined;

  private constructor(file: FileHandle, place: JournalPlace, chain: Chain | undefined) {
    this.#file = file;
    this.#place = place;
    this.#chain = chain;
  }

  /** Creates the journal and its directory, readable by its owner alone. */
  static async create(path: string, { again, chain }: WriterOptions = {}): Promise<JournalWriter> {
    try {
      const made = makeDirectory(dirname(path));
      const file = await open(path, 'ax+', 0o600);
      await syncNames(dirname(path), made === undefined ? dirname(path) : dirname(made));
      return new JournalWriter(file, { path, again }, chain);
    } catch (thrown) {
      throw notBegun(thrown, path);
    }
  }

  /**
   * Opens a journal that exists, to append to it. A last line that was cut off while it was written stays, on a line of
   * its own: somebody else may be about to append as well, so nothing may move.
   */
  static async reopen(path: string, { again, chain }: WriterOptions = {}): Promise<JournalWriter> {
    const place = { path, again };
    try {
      const file = await open(path, constants.O_RDWR | constants.O_APPEND);
      const writer = new JournalWriter(file, place, chain);
      const { size } = await file.stat();
      writer.#size = size;
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
      if (size > 0 && buffer.toString() !== '\n') writer.#lines.push('\n');
      return writer;
    } catch (thrown) {
      throw notWritten(thrown, place, 'nothing was changed');
    }
  }

  /** Appends without waiting: on disk with the next durable record or at close. */
  append(record: JournalRecord): void {
    const json = JSON.stringify(record);
    this.#lines.push(`${this.#chain?.link(json) ?? json}\n`);
  }

  /** Appends, and resolves when the record is on disk: for what has to be there before anything else happens. */
  async durable(record: JournalRecord): Promise<void> {
    this.append(record);
    await this.#waited(true);
  }

  /**
   * Appends, and resolves when the kernel has the record: no end of this process loses it any more. It is on disk a moment
   * later, mostly by the same flush as the next intent. For the end of a change that is as safe as waiting: before its
   * answer arrived the change was made on the host, too, so after a power cut an intent without an end is met with in any
   * case, and read as a change that may have been made.
   */
  async written(record: JournalRecord): Promise<void> {
    this.append(record);
    await this.#waited(false);
  }

  async close(): Promise<void> {
    clearTimeout(this.#late);
    try {
      await this.#flushing;
      if (this.#lines.length > 0 || this.#late !== undefined) await this.#write(true, []);
      if (this.#broken !== undefined) throw this.#broken;
    } finally {
      await this.#file.close();
    }
  }

  async #waited(durable: boolean): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#waiting.push({ durable, resolve, reject }));
    this.#flushing ??= this.#flush();
    await done;
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const [durable, quick] = [waiting.filter((one) => one.durable), waiting.filter((one) => !one.durable)];
      try {
        await this.#write(durable.length > 0, quick);
        for (const { resolve } of durable) resolve();
      } catch (error) {
        for (const { reject } of waiting) reject(error);
      }
    }
    this.#flushing = undefined;
  }

  /** Writes what there is to write and tells those that wait for no more; with `sync` it is on the disk then. */
  async #write(sync: boolean, waits: readonly Waiting[]): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const bytes = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    let told = false;
    try {
      // One call of the kernel where it can be: whoever appends at the same time comes before it or after it.
      for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
      for (const { resolve } of waits) resolve();
      told = waits.length > 0;
      if (sync) {
        await this.#file.datasync();
        clearTimeout(this.#late);
        this.#late = undefined;
      } else if (bytes.length > 0)
        this.#late ??= setTimeout(() => void this.#waited(true).catch(() => {}), SYNC_WITHIN_MS);
      this.#size += bytes.length;
    } catch (thrown) {
      this.#broken = notWritten(thrown, this.#place, 'nothing further was changed');
      // Where even that fails the line stays torn, and a torn last line is not read.
      if (!told) await this.#cutOff(bytes).catch(() => undefined);
      throw this.#broken;
    }
  }

  /** Removes what a write that failed has left, unless something else stands there or behind it. */
  async #cutOff(bytes: Buffer): Promise<void> {
    const left = Buffer.alloc(bytes.length + 1);
    const { bytesRead } = await this.#file.read(left, 0, left.length, this.#size);
    if (bytesRead <= bytes.length && left.subarray(0, bytesRead).equals(bytes.subarray(0, bytesRead)))
      await this.#file.truncate(this.#size);
  }
}

export interface WriterOptions {
  /** The command that goes on later, to be named in errors. */
  readonly again?: string | undefined;
  /** What its lines are chained to; without it they are not. */
  readonly chain?: Chain | undefined;
}

/** A file that is on disk is found after a power cut only when its name is, and those of its directories. */
async function syncNames(from: string, upTo: string): Promise<void> {
  const directory = await open(from, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
  if (from !== upTo) await syncNames(dirname(from), upTo);
}
