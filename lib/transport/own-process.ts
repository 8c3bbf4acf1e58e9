import { Readable, Writable } from 'node:stream';
import type { Becoming } from './becoming.ts';
import type { Channel, Connection } from './connection.ts';
import type { CommandEnd, FramedChannel, StreamName } from './framed-channel.ts';
import { launch } from './launch.ts';
import { newNonce } from './marks.ts';
import { unknownEnd } from './output.ts';
import { ownText, programFromChannel, type ShellCommand } from './program.ts';

/** A command on a channel of its own, as streams of bytes. */
export interface OwnProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The process id of the shell above the command. */
  readonly pid: number;
  /** Never rejects. */
  readonly ended: Promise<CommandEnd>;
  /** Lets go of what it prints from here on: its end lies behind that, and a reader may hold it back. */
  discard(): void;
  /** Closes our end at once; the command is not told. */
  abandon(): void;
}

/** Longer texts than this go to the shell by its stdin: one argument can hold 128 KiB, quoting included. */
const LONGEST_ARGUMENT = 30_000;

/**
 * Starts a command on a channel of its own and resolves when its shell has begun. The streams hold exactly what the
 * command reads and writes: what a login shell prints first is not in them. Both outputs have to be read.
 */
export async function startOwn(
  connection: Connection,
  becoming: Becoming,
  command: ShellCommand,
  options: { readonly stdin: 'channel' | 'nothing'; readonly signal?: AbortSignal | undefined },
): Promise<OwnProcess> {
  const nonce = newNonce();
  const program = ownText(command, nonce, options.stdin);
  const hidden = Object.keys(command.env ?? {}).length > 0 || program.length > LONGEST_ARGUMENT;
  const fed = hidden ? programFromChannel(program) : undefined;
  const shell = await launch(connection, becoming, fed?.text ?? program, options.signal);
  const process = new FramedProcess(shell.framed, nonce, command.argv);
  if (fed !== undefined) shell.send(fed.input);
  const pid = await shell.began;
  if (options.stdin === 'nothing') process.stdin.end();
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    pid,
    ended: process.ended,
    discard: () => process.discard(),
    abandon: () => shell.framed.channel.abandon(),
  };
}

class FramedProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<CommandEnd>;
  readonly #unfinished = new Set<StreamName>(['stdout', 'stderr']);
  readonly #channel: Channel;
  #discarding = false;

  constructor(framed: FramedChannel, nonce: string, argv: readonly string[]) {
    const { channel } = framed;
    this.#channel = channel;
    this.stdin = throughTo(channel);
    this.stdout = outputOf(channel.stdout);
    this.stderr = outputOf(channel.stderr);
    this.ended = framed.expect({
      nonce,
      onOutput: (stream, chunk) => {
        if (this.#discarding) return;
        const output = this[stream];
        // Back pressure: the channel's window stays closed while nobody takes what is here.
        if (!output.destroyed && !output.push(chunk)) channel[stream].pause();
      },
      onStreamEnd: (stream) => this.#finish(stream, channel),
    });
    void this.ended.then((end) => {
      const lost = unknownEnd(argv, end);
      for (const stream of this.#unfinished) {
        if (lost !== undefined) this[stream].destroy(lost);
        else this[stream].push(null);
      }
      // A writer that still has something to say must learn that nobody listens.
      this.stdin.destroy();
      channel.abandon();
    });
  }

  discard(): void {
    this.#discarding = true;
    for (const stream of this.#unfinished) this.#channel[stream].resume();
  }

  #finish(stream: StreamName, channel: Channel): void {
    this.#unfinished.delete(stream);
    this[stream].push(null);
    // What a child left behind still prints is nobody's; it must not fill the channel either.
    channel[stream].resume();
  }
}

function outputOf(source: Readable): Readable {
  const output = new Readable({
    highWaterMark: 256 * 1024,
    read: () => {
      source.resume();
    },
    destroy: (error, done) => {
      source.resume();
      done(error);
    },
  });
  // Without a reader of its own an error here would end the program; `ended` tells it as well.
  output.on('error', () => {});
  return output;
}

function throughTo(channel: Channel): Writable {
  const stdin = new Writable({
    highWaterMark: 256 * 1024,
    write: (chunk, _encoding, done) => {
      channel.stdin.write(chunk, done);
    },
    final: (done) => {
      channel.stdin.end();
      done();
    },
  });
  stdin.on('error', () => {});
  return stdin;
}

/** All of a stream has been read, or it has been given up. */
export function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve);
  });
}

/** What flows to a reader has been given to it. One that nobody reads, or holds back, is not waited for. */
export function allGiven(stream: Readable): Promise<void> | undefined {
  return stream.closed || stream.readableFlowing !== true ? undefined : closed(stream);
}
