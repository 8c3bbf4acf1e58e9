import type { Readable } from 'node:stream';
import { type Channel, type ChannelEnd, STREAMS_GRACE_MS } from './connection.ts';
import { deferred } from './deferred.ts';
import { exitStatusOf } from './exit-status.ts';
import { MarkScanner } from './marks.ts';
import { NO_DIRECTORY } from './program.ts';

export type StreamName = 'stdout' | 'stderr';
export type OutputSink = (stream: StreamName, chunk: Buffer) => void;

/** How a framed command ended: with a status, not started at all, or with the shell that should have told. */
export type CommandEnd =
  | { readonly kind: 'exited'; readonly shellStatus: number }
  | { readonly kind: 'no-directory' }
  | { readonly kind: 'shell-ended'; readonly end: ChannelEnd };

export interface FrameReader {
  readonly nonce: string;
  readonly onOutput: OutputSink;
  /** The command's part of this stream is complete. */
  readonly onStreamEnd?: ((stream: StreamName) => void) | undefined;
}

interface Frame extends FrameReader {
  refused: boolean;
  status: number | undefined;
  readonly onStatus?: ((status: number) => void) | undefined;
  open: number;
  readonly finish: (end: CommandEnd) => void;
}

interface Side {
  readonly scanner: MarkScanner;
  readonly frames: Frame[];
}

const NOISE_BYTES = 8192;

/**
 * A shell that ends by itself has told how its command ended, and SSH may tell of the shell's end before that. So long may
 * a link be silent with it still on the way; one that is gone is found sooner, by keepalives.
 */
const MARKS_ON_THE_WAY_MS = 15_000;

/**
 * A channel whose output is cut into frames by marks on both streams. The first marks say that the shell is there;
 * then each expected frame gets what lies between the mark before it and its own. Output outside of any frame (what
 * a login shell prints at start, what a child left behind prints later) belongs to nobody and is dropped.
 */
export class FramedChannel {
  readonly channel: Channel;
  /** The shell's process id, once it has said so on stdout; never settles with an error: see `ended`. */
  readonly began: Promise<number>;
  /** The channel has ended and all its output was read. */
  readonly ended: Promise<ChannelEnd>;
  /** What was printed before the shell began: banners, reasons for a refusal, prompts. */
  onNoise: ((stream: StreamName, text: string) => void) | undefined;
  readonly #noise: Record<StreamName, string> = { stdout: '', stderr: '' };
  readonly #sides: Readonly<Record<StreamName, Side>>;
  #pid: number | undefined;
  #over = false;

  constructor(channel: Channel, beginNonce: string) {
    this.channel = channel;
    this.#sides = { stdout: this.#side('stdout'), stderr: this.#side('stderr') };
    const began = deferred<number>();
    this.began = began.promise;
    this.#add({
      nonce: beginNonce,
      onOutput: (stream, chunk) => this.#addNoise(stream, chunk),
      refused: false,
      status: undefined,
      open: 2,
      // The other stream's mark may stand behind output of the command that nobody takes before the shell has begun:
      // docker's client, and an SSH channel, carry both streams one after the other.
      onStatus: (pid) => {
        this.#pid = pid;
        began.resolve(pid);
      },
      finish: () => {},
    });
    for (const name of ['stdout', 'stderr'] as const) {
      channel[name].on('data', (chunk: Buffer) => this.#sides[name].scanner.push(chunk));
    }
    this.ended = this.#watch();
  }

  /** The shell's process id, if it has begun. */
  get pid(): number | undefined {
    return this.#pid;
  }

  get over(): boolean {
    return this.#over;
  }

  noise(stream?: StreamName): string {
    return stream === undefined ? `${this.#noise.stderr}${this.#noise.stdout}` : this.#noise[stream];
  }

  /** Reads the next frame, after those already expected. Resolves when both streams have shown its mark. */
  expect(reader: FrameReader): Promise<CommandEnd> {
    const { promise, resolve } = deferred<CommandEnd>();
    if (this.#over) void this.ended.then((end) => resolve({ kind: 'shell-ended', end }));
    else this.#add({ ...reader, refused: false, status: undefined, open: 2, finish: resolve });
    return promise;
  }

  #side(name: StreamName): Side {
    const frames: Frame[] = [];
    const scanner = new MarkScanner(
      (chunk) => frames[0]?.onOutput(name, chunk),
      (words) => this.#mark(name, words),
    );
    return { scanner, frames };
  }

  #add(frame: Frame): void {
    for (const side of Object.values(this.#sides)) {
      side.frames.push(frame);
      if (side.frames.length === 1) side.scanner.expect(frame.nonce);
    }
  }

  #mark(name: StreamName, words: string): void {
    const { scanner, frames } = this.#sides[name];
    const frame = frames[0];
    if (frame === undefined) return;
    const [word, number] = words.split(' ');
    if (word === NO_DIRECTORY) {
      frame.refused = true;
      return;
    }
    if (number !== undefined) {
      frame.status = Number(number);
      frame.onStatus?.(frame.status);
    }
    frames.shift();
    scanner.expect(frames[0]?.nonce);
    frame.onStreamEnd?.(name);
    frame.open -= 1;
    if (frame.open > 0) return;
    frame.finish(
      frame.refused ? { kind: 'no-directory' } : { kind: 'exited', shellStatus: frame.status ?? 255 },
    );
  }

  #addNoise(stream: StreamName, chunk: Buffer): void {
    const text = chunk.toString('latin1');
    this.#noise[stream] = `${this.#noise[stream]}${text}`.slice(-NOISE_BYTES);
    this.onNoise?.(stream, text);
  }

  async #watch(): Promise<ChannelEnd> {
    const end = await this.channel.ended;
    const { stdout, stderr } = this.channel;
    const patience = (): number => (this.#tellsMore(end) ? MARKS_ON_THE_WAY_MS : STREAMS_GRACE_MS);
    await Promise.all([drained(stdout, patience), drained(stderr, patience)]);
    this.#over = true;
    for (const side of Object.values(this.#sides)) side.scanner.flush();
    const unfinished = new Set([...this.#sides.stdout.frames, ...this.#sides.stderr.frames]);
    for (const frame of unfinished) frame.finish({ kind: 'shell-ended', end });
    return end;
  }

  /** Whether the end of a command is still to come, though that of its shell is known. */
  #tellsMore(end: ChannelEnd): boolean {
    if (end.kind !== 'exited' || 'signal' in exitStatusOf(end.exitCode)) return false;
    const { stdout, stderr } = this.#sides;
    return stdout.frames.length + stderr.frames.length > 0 && (this.#pid !== undefined || end.exitCode === 0);
  }
}

/**
 * Resolves when a stream is at its end, or when it is held open by somebody else: flowing, yet silent for as long as
 * `patience` says. A stream that its reader has paused is waited for as long as it takes.
 */
function drained(stream: Readable, patience: () => number): Promise<void> {
  return new Promise((resolve) => {
    if (stream.readableEnded || stream.destroyed) return resolve();
    let silentMs = 0;
    const done = (): void => {
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(() => {
      silentMs = stream.isPaused() ? 0 : silentMs + STREAMS_GRACE_MS;
      if (silentMs >= patience()) done();
    }, STREAMS_GRACE_MS);
    stream.on('data', () => {
      silentMs = 0;
    });
    stream.once('end', done).once('close', done).once('error', done);
  });
}
