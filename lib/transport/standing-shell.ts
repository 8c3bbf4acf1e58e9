import type { Becoming } from './becoming.ts';
import type { Connection } from './connection.ts';
import type { CommandEnd, FrameReader, OutputSink } from './framed-channel.ts';
import { type LaunchedShell, launch } from './launch.ts';
import { newNonce } from './marks.ts';
import { pipedText, type ShellCommand, standingText } from './program.ts';

export interface StandingCommand extends ShellCommand {
  readonly stdin?: string | undefined;
  /** It may leave something behind that goes on printing: see `leavesBehind` of a command. */
  readonly piped?: boolean | undefined;
}

export interface Sent {
  readonly command: StandingCommand;
  readonly onOutput: OutputSink;
  readonly onBelow?: ((pid: number) => void) | undefined;
}

/**
 * One `sh` of one OS user that stays, and runs one command after another at the price of one round trip. A command
 * runs in a subshell, so it cannot change what the next one finds; it can kill the shell, which is then opened anew.
 */
export class StandingShell {
  readonly #shell: LaunchedShell;
  #abandoned = false;
  /** Of commands with pipes of their own: those that somebody holds. */
  #held = 0;
  #letGo: Promise<unknown> = Promise.resolve();

  private constructor(shell: LaunchedShell) {
    this.#shell = shell;
    shell.began.catch(() => {});
  }

  /** Resolves when the channel is open; the shell may still be about to begin (see `began`). */
  static async open(
    connection: Connection,
    becoming: Becoming,
    signal: AbortSignal | undefined,
  ): Promise<StandingShell> {
    return new StandingShell(await launch(connection, becoming, 'exec sh', signal));
  }

  /** The shell's process id. Rejects with the reason when no shell came up. */
  get began(): Promise<number> {
    return this.#shell.began;
  }

  /** It can run nothing more. */
  get over(): boolean {
    return this.#abandoned || this.#shell.framed.over;
  }

  /** When nobody holds the outputs of a command that has ended; nothing where nobody does. */
  get letGo(): Promise<unknown> | undefined {
    return this.#held === 0 ? undefined : this.#letGo;
  }

  /** Sends commands in one write; each has its own end, in order. All reject when the shell never began. */
  send(commands: readonly Sent[]): ReadonlyArray<Promise<CommandEnd>> {
    const { began } = this.#shell;
    let text = '';
    const readers = commands.map(({ command, ...reader }) => {
      const nonce = newNonce();
      text += (command.piped === true ? pipedText : standingText)(command, nonce, command.stdin);
      return { ...reader, nonce, piped: command.piped };
    });
    const frames = readers.map(async (reader) => {
      const [end] = await Promise.all([this.#expect(reader), began]);
      return end;
    });
    for (const frame of frames) frame.catch(() => {});
    this.#shell.send(text);
    return frames;
  }

  #expect(reader: FrameReader & Pick<StandingCommand, 'piped'>): Promise<CommandEnd> {
    if (reader.piped !== true) return this.#shell.framed.expect(reader);
    const { end, letGo } = this.#shell.framed.expectPiped(reader);
    this.#held += 1;
    this.#letGo = letGo.then(() => {
      this.#held -= 1;
    });
    return end;
  }

  /** Lets the shell end: it does when it has nothing more to read. */
  close(): void {
    this.#shell.framed.channel.stdin.end();
  }

  /** Runs nothing more, and ends when it is let go of; what somebody still prints into it is dropped. */
  retire(): void {
    this.#abandoned = true;
    this.close();
  }

  abandon(): void {
    this.#abandoned = true;
    this.#shell.framed.channel.abandon();
  }
}
