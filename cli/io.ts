import type { Masker } from '../lib/base/values/masker.ts';

/** Where text goes: a stream, or a test's buffer. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** What a command may use of the process it runs in; nothing in `cli/` but `main.ts` reads `process` for these. */
export interface Io {
  readonly stdout: NodeJS.WriteStream | Output;
  readonly stderr: NodeJS.WriteStream | Output;
  readonly stdin: NodeJS.ReadableStream & Partial<Pick<NodeJS.ReadStream, 'isTTY' | 'setRawMode'>>;
  /** Knows every secret that was read so far. */
  readonly masker: Masker;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Signals of the process: `on('SIGINT', ...)`. */
  readonly signals: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  /** Ends the process at once; only for a second Ctrl-C. */
  readonly leaveNow: (exitCode: number) => void;
}

const DEFAULT_COLUMNS = 80;
/** Below this nothing can be laid out; a pty that was never sized says 0. */
const LEAST_COLUMNS = 20;

/** Width to lay text out for: the terminal's, or 80 where there is none or it does not know. */
export function columnsOf(output: Output): number {
  const columns = output.columns ?? DEFAULT_COLUMNS;
  return columns < LEAST_COLUMNS ? DEFAULT_COLUMNS : columns;
}
