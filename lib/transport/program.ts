import { PitrError } from '../base/errors/pitr-error.ts';
import { newNonce, printMark } from './marks.ts';
import { quote } from './quote.ts';

/** What runs: an argument list with its directory and environment. */
export interface ShellCommand {
  readonly argv: readonly string[];
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** See `Command`. */
  readonly inShell?: boolean | undefined;
}

/** The word of a mark that says: the command was not started, its directory cannot be entered. */
export const NO_DIRECTORY = 'no-directory';

/**
 * The subshell that becomes the command. `exec` makes it the very program (no builtin of the shell answers in its
 * place) and the subshell keeps directory and variables away from what runs next in the same shell. A script that may run
 * in the shell itself runs in the subshell: starting one more `sh` costs as much as most of what scripts do.
 */
function subshell(command: ShellCommand, nonce: string): string {
  return `( ${steps(command, nonce)} )`;
}

function steps(command: ShellCommand, nonce: string): string {
  const name = command.argv[0];
  if (name === undefined || name === '' || name.startsWith('-')) {
    throw new PitrError({
      kind: 'validation',
      code: 'command-empty',
      message: `not a command: ${JSON.stringify(command.argv)}`,
      next: ['Give the name of a program first, then its arguments.'],
    });
  }
  const parts: string[] = [];
  if (command.cwd !== undefined) {
    const directory = command.cwd.startsWith('-') ? `./${command.cwd}` : command.cwd;
    parts.push(`CDPATH= cd ${quote(directory)} >/dev/null || { ${printMark(nonce, NO_DIRECTORY)}; exit 1; }`);
  }
  for (const [variable, value] of Object.entries(command.env ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable)) {
      throw new PitrError({
        kind: 'validation',
        code: 'environment-name',
        message: `not a name for an environment variable: ${JSON.stringify(variable)}`,
        next: ['Use letters, digits and underscores, not beginning with a digit.'],
      });
    }
    parts.push(`export ${variable}=${quote(value)}`);
  }
  const [, option, script, , ...args] = command.argv;
  parts.push(
    command.inShell === true && name === 'sh' && option === '-c' && script !== undefined
      ? `set -- ${args.map(quote).join(' ')}; ${script.trim()}\n`
      : `exec ${command.argv.map(quote).join(' ')}`,
  );
  return parts.join('; ');
}

function endMarks(nonce: string): string {
  return `${printMark(nonce, 'ended $?')}; ${printMark(nonce, 'ended')} >&2`;
}

/**
 * A command as one line of work for a standing shell. Its stdin is `stdin` or nothing: never the shell's own, from
 * which it would swallow the commands that follow.
 */
export function standingText(command: ShellCommand, nonce: string, stdin?: string): string {
  const run = subshell(command, nonce);
  // printf is a builtin, so what is piped in shows in no process list.
  const fed = stdin ? `printf %s ${quote(stdin)} 2>/dev/null | ${run}` : `${run} </dev/null`;
  return `${fed}; ${endMarks(nonce)}\n`;
}

/** A command that has a channel for itself. With `stdin: 'channel'` it reads what is written to the channel. */
export function ownText(command: ShellCommand, nonce: string, stdin: 'channel' | 'nothing'): string {
  const run = subshell(command, nonce);
  return `${run}${stdin === 'nothing' ? ' </dev/null' : ''}; ${endMarks(nonce)}`;
}

/**
 * A command that is given a terminal: nothing is printed around it. The shell becomes it: a shell that waited would
 * take a Ctrl-C that was meant for the command, too, and end by it.
 */
export function terminalText(command: ShellCommand): string {
  return steps(command, newNonce());
}

/** The marks that a shell prints before anything else: it is there, and this is its process id. */
export function beginMarks(nonce: string): string {
  return `${printMark(nonce, 'began $$')}; ${printMark(nonce, 'began')} >&2`;
}

/**
 * A text that reads its program from the channel: for environment that no process list may show, and for texts
 * longer than an argument can be. `read` takes no byte too many, so what follows is the command's own stdin.
 */
export function programFromChannel(program: string): { readonly text: string; readonly input: string } {
  const end = newNonce();
  return {
    text: `p=; while IFS= read -r l && [ "$l" != ${end} ]; do p="$p$l\n"; done; eval "$p"`,
    input: `${program}\n${end}\n`,
  };
}
