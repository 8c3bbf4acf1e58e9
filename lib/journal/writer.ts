import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { JournalRecord } from './records.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Appends records to a run's journal. What is asked to be durable is on disk when its promise resolves; records that
 * come while a flush is under way share the next one, so many hosts cost one flush.
 */
export class JournalWriter {
  readonly #file: FileHandle;
  #lines: string[] = [];
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Creates the journal and its directory, readable by its owner alone. */
  static async create(path: string): Promise<JournalWriter> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return new JournalWriter(await open(path, 'ax', 0o600));
  }

  /**
   * Opens a journal that exists, to append to it. A last line that was cut off while it was written is removed first:
   * nobody was told that it is on disk.
   */
  static async reopen(path: string): Promise<JournalWriter> {
    const content = await readFile(path);
    const whole = content.lastIndexOf('\n') + 1;
    const last = content.subarray(whole).toString();
    const file = await open(path, 'a');
    const writer = new JournalWriter(file);
    if (isRecord(last)) writer.#lines.push('\n');
    else if (last !== '') await file.truncate(whole);
    return writer;
  }

  /** Appends without waiting: on disk with the next durable record or at close. */
  append(record: JournalRecord): void {
    this.#lines.push(`${JSON.stringify(record)}\n`);
  }

  /** Appends, and resolves when the record is on disk. */
  async durable(record: JournalRecord): Promise<void> {
    this.append(record);
    const written = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#flushing ??= this.#flush();
    await written;
  }

  async close(): Promise<void> {
    await this.#flushing;
    if (this.#lines.length > 0) await this.#write();
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write();
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        for (const { reject } of waiting) reject(error);
      }
    }
    this.#flushing = undefined;
  }

  async #write(): Promise<void> {
    const text = this.#lines.join('');
    this.#lines = [];
    await this.#file.appendFile(text);
    await this.#file.datasync();
  }
}

function isRecord(line: string): boolean {
  try {
    return typeof JSON.parse(line) === 'object';
  } catch {
    // cut off in the middle
    return false;
  }
}
