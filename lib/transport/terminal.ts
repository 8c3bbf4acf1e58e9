import type { Readable, Writable } from 'node:stream';

/** The operator's terminal, to be handed to a program on a host for as long as it runs. */
export interface Terminal {
  readonly stdin: Readable & { setRawMode?(raw: boolean): unknown };
  readonly stdout: Writable & {
    readonly columns?: number | undefined;
    readonly rows?: number | undefined;
  };
  /** `$TERM`: what the program may draw with. */
  readonly term: string;
}
