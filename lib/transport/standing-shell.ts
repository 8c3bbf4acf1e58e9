import type { Becoming } from './becoming.ts';
import type { Connection } from './connection.ts';
import type { CommandEnd, OutputSink } from './framed-channel.ts';
import { type LaunchedShell, launch } from './launch.ts';
import { newNonce } from './marks.ts';
import { type ShellCommand, standingText } from './program.ts';

export interface StandingCommand extends ShellCommand {
  readonly stdin?: string | undefined;
}

/**
 * One `sh` of one OS user that stays, and runs one command after another at the price of one round trip. A command
 * runs in a subshell, so it cannot change what the next one finds; it can kill the shell, which is then opened anew.
 */
export class StandingShell {
  readonly #shell: LaunchedShell;
  #abandoned = false;

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

  /** Sends commands in one write; each has its own end, in order. All reject when the shell never began. */
  send(
    commands: readonly { readonly command: StandingCommand; readonly onOutput: OutputSink }[],
  ): ReadonlyArray<Promise<CommandEnd>> {
    const { framed, began } = this.#shell;
    let text = '';
    const ends = commands.map(({ command, onOutput }) => {
      const nonce = newNonce();
      text += standingText(command, nonce, command.stdin);
      return { nonce, onOutput };
    });
    const frames = ends.map(async (reader) => {
      const [end] = await Promise.all([framed.expect(reader), began]);
      return end;
    });
    for (const frame of frames) frame.catch(() => {});
    this.#shell.send(text);
    return frames;
  }

  /** Lets the shell end: it does when it has nothing more to read. */
  close(): void {
    this.#shell.framed.channel.stdin.end();
  }

  abandon(): void {
    this.#abandoned = true;
    this.#shell.framed.channel.abandon();
  }
}
