import { setTimeout as pause } from 'node:timers/promises';
import type { Output } from '../io.ts';
import type { ListrRows } from './listr-rows.ts';

/** Short enough to look alive, long enough for a burst of results to be one redraw. */
const TICK_MS = 100;

export interface LiveAreaSettings {
  readonly output: Output;
  /** What is running now; nothing when nothing is. */
  readonly rows: () => readonly string[];
  /** How many rows there can be. */
  readonly slots: number;
  readonly spinner: readonly string[];
}

/**
 * The bottom of a terminal that is redrawn, and lines above it that stay. Lines that are printed while nothing is
 * drawn go out at once; a task that is done within a tick is never drawn. Everything else happens in one loop, so
 * drawing and printing never meet.
 */
export class LiveArea {
  readonly #settings: LiveAreaSettings;
  #pending: string[] = [];
  #drawn: ListrRows | undefined;
  #loop: Promise<void> | undefined;
  #wanted: 'open' | 'paused' | 'closed' = 'open';
  #wake = new AbortController();

  constructor(settings: LiveAreaSettings) {
    this.#settings = settings;
  }

  /** Lines that stay. */
  print(lines: readonly string[]): void {
    this.#pending.push(...lines);
    if (this.#drawn === undefined && this.#loop === undefined) this.#flush();
  }

  /** Something may be running: look every tick until nothing is. */
  refresh(): void {
    if (this.#wanted !== 'open') return;
    this.#loop ??= this.#run().finally(() => {
      this.#loop = undefined;
      this.#flush();
    });
  }

  /** Takes the live area away; resolves when the terminal is free for a question. */
  async pause(): Promise<void> {
    if (this.#wanted === 'closed') return;
    this.#wanted = 'paused';
    await this.#settled();
  }

  resume(): void {
    if (this.#wanted !== 'paused') return;
    this.#wanted = 'open';
    this.refresh();
  }

  async close(): Promise<void> {
    this.#wanted = 'closed';
    await this.#settled();
  }

  async #settled(): Promise<void> {
    this.#wake.abort();
    await this.#loop;
    this.#flush();
  }

  async #run(): Promise<void> {
    this.#wake = new AbortController();
    while (this.#wanted === 'open') {
      await pause(TICK_MS, undefined, { signal: this.#wake.signal }).catch(() => {
        // woken to end: the condition of the loop says so
      });
      if (this.#wanted !== 'open') break;
      const rows = this.#settings.rows();
      if (this.#pending.length > 0 || rows.length === 0) await this.#erase();
      this.#flush();
      if (rows.length === 0) return;
      await this.#draw(rows);
    }
    await this.#erase();
  }

  async #draw(rows: readonly string[]): Promise<void> {
    if (this.#drawn === undefined) {
      const { ListrRows } = await import('./listr-rows.ts');
      this.#drawn = new ListrRows(this.#settings);
    }
    this.#drawn.show(rows);
  }

  async #erase(): Promise<void> {
    const drawn = this.#drawn;
    this.#drawn = undefined;
    await drawn?.end();
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const lines = this.#pending;
    this.#pending = [];
    this.#settings.output.write(`${lines.join('\n')}\n`);
  }
}
