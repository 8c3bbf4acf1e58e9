import {
  DefaultRenderer,
  Listr,
  ListrLogger,
  type ListrTaskWrapper,
  ProcessOutput,
  type SilentRenderer,
} from 'listr2';
import type { Output } from '../io.ts';

const FRAME_MS = 100;

/**
 * listr2's renderer redraws everything on every event, which blocks the event loop for seconds when rows or updates
 * are many. This one redraws at most every 100 ms, with our spinner before every row.
 */
function throttledRenderer(spinner: readonly string[]): typeof DefaultRenderer {
  return class extends DefaultRenderer {
    /** Whether this is a terminal was decided before. */
    static override nonTTY = true;
    #timer: NodeJS.Timeout | undefined;
    #painted = 0;
    #ended = false;

    override update(): void {
      if (this.#timer !== undefined || this.#ended) return;
      const wait = this.#painted + FRAME_MS - Date.now();
      if (wait <= 0) this.#paint();
      else this.#timer = setTimeout(() => this.#paint(), wait);
    }

    override end(): void {
      this.#ended = true;
      clearTimeout(this.#timer);
      super.end();
    }

    protected override style(): string {
      return spinner[Math.floor(Date.now() / FRAME_MS) % spinner.length] ?? '';
    }

    #paint(): void {
      this.#timer = undefined;
      this.#painted = Date.now();
      super.update();
    }
  };
}

export interface ListrRowsSettings {
  readonly output: Output;
  readonly slots: number;
  readonly spinner: readonly string[];
}

type Slot = ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SilentRenderer>;

/**
 * Rows at the bottom of the terminal. listr2 cannot add rows to a list that runs, so there is a fixed number of
 * slots, each a listr2 task that ends when all do; an empty title makes a slot invisible.
 */
export class ListrRows {
  readonly #slots: Slot[] = [];
  readonly #run: Promise<unknown>;
  #finish: () => void = () => {};
  #rows: readonly string[] = [];

  constructor({ output, slots, spinner }: ListrRowsSettings) {
    const ended = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    // listr2 asks for a whole stream and uses `write`, `columns` and `rows` of it
    const stream = output as NodeJS.WriteStream;
    const list = new Listr<unknown, typeof DefaultRenderer, 'silent'>(
      Array.from({ length: slots }, (_, index) => ({
        title: '',
        task: (_context: unknown, slot: Slot): Promise<void> => {
          this.#slots[index] = slot;
          slot.title = this.#rows[index] ?? '';
          return ended;
        },
      })),
      {
        concurrent: true,
        // SIGINT is ours: listr2's handler would end the process with 127
        registerSignalListeners: false,
        renderer: throttledRenderer(spinner),
        fallbackRenderer: 'silent',
        rendererOptions: {
          clearOutput: true,
          formatOutput: 'truncate',
          logger: new ListrLogger({
            useIcons: true,
            toStderr: [],
            processOutput: new ProcessOutput(stream, undefined, { leaveEmptyLine: false }),
          }),
        },
      },
    );
    this.#run = list.run();
  }

  show(rows: readonly string[]): void {
    for (const [index, slot] of this.#slots.entries()) {
      const title = rows[index] ?? '';
      if ((this.#rows[index] ?? '') !== title) slot.title = title;
    }
    this.#rows = rows;
  }

  /** Takes the rows off the screen. */
  async end(): Promise<void> {
    this.#finish();
    await this.#run;
  }
}
