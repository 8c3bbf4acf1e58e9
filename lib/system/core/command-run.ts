import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown, UnknownReached } from '../../base/values/unknown.ts';
import { durationParam, milliseconds } from '../../base/wait/duration.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import type { Change, Foresight, Journalled, Result, WorkContext } from '../../contract/module.ts';
import { authorsProbe } from '../../contract/probe.ts';
import { predicted } from '../../contract/resource.ts';
import { evidenceOf, howItEnded } from '../../transport/command-failed.ts';
import { shellStatus } from '../../transport/exit-status.ts';
import { commandLine } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';
import { type PathState, pathResource } from '../fs/path-resource.ts';
import { absolutePath } from '../fs/paths.ts';

/** Ansible looks for what a pattern matches. Taken for a name it would never be there, and the guard would guard nothing. */
const guardPath = absolutePath.refine(
  (path) => !/[*?[]/.test(path),
  'expected the very name of a path, without "*", "?" or "["; for a pattern give core.shell a check: `ls -d /srv/app-*` in place of creates, `! ls -d /srv/app-*` in place of removes',
);

/** The params that a command and a shell script share. */
export const commandParams = {
  chdir: absolutePath.optional().describe('run it in this directory'),
  creates: guardPath.optional().describe('do nothing when this path exists'),
  removes: guardPath.optional().describe('do nothing when this path does not exist'),
  stdin: z.string().optional().describe('text for its standard input'),
  user: z.string().min(1).optional().describe('OS user that runs it; without it the user of the task'),
  timeout: durationParam.optional().describe('end it after this time; without it there is no limit'),
};

export interface CommandWish {
  readonly chdir?: string | undefined;
  readonly creates?: string | undefined;
  readonly removes?: string | undefined;
  readonly stdin?: string | undefined;
  readonly user?: string | undefined;
  readonly timeout?: string | number | undefined;
}

/** What Ansible lets stand in the text of a command or script: it was never meant for the program. */
export const FREE_FORM_WORDS = {
  creates: 'creates',
  removes: 'removes',
  chdir: 'chdir',
  stdin: 'stdin',
  warn: { instead: 'leave it out: nothing is warned of' },
  argv: { instead: 'write the words as a list under core.command' },
  stdin_add_newline: { instead: 'stdin is given as it is written' },
  strip_empty_ends: { instead: 'stdout never has the last newline' },
} as const;

/** A command as words, with its own way to tell whether it is needed, and its way back. */
export interface Commands {
  readonly argv: readonly string[];
  readonly check: readonly string[] | undefined;
  readonly undo: readonly string[] | undefined;
}

/** Every word that may come to stand on a command line of the host. */
export function allWords({ argv, check = [], undo = [] }: Commands): readonly string[] {
  return [...argv, ...check, ...undo];
}

export interface CommandState {
  readonly creates?: PathState | Unknown;
  readonly removes?: PathState | Unknown;
  /** Whether `check` said that there is nothing to do. */
  readonly checked?: boolean | Unknown;
}

export interface CommandChange extends Change {
  readonly forApply: { readonly argv: readonly string[] };
  readonly undo?: readonly string[];
  readonly chdir?: string;
  readonly user?: string;
}

const CHECK_TIMEOUT_MS = 5 * 60_000;

/** Looks whether the command is needed: no round trip where nothing says so. */
export async function readCommand(
  host: ReadHost,
  wish: CommandWish,
  commands: Commands,
): Promise<CommandState> {
  const [creates, removes, check] = await Promise.all([
    wish.creates === undefined ? undefined : host.look(pathResource, wish.creates),
    wish.removes === undefined ? undefined : host.look(pathResource, wish.removes),
    commands.check === undefined ? undefined : runCheck(host, wish, commands.check),
  ]);
  return {
    ...(creates === undefined ? {} : { creates }),
    ...(removes === undefined ? {} : { removes }),
    ...(check === undefined ? {} : { checked: check }),
  };
}

async function runCheck(
  host: ReadHost,
  wish: CommandWish,
  check: readonly string[],
): Promise<boolean | Unknown> {
  const argv =
    wish.chdir === undefined
      ? check
      : ['sh', '-c', 'cd -- "$1" && shift && exec "$@"', 'sh', wish.chdir, ...check];
  const asked = authorsProbe(argv, {
    timeoutMs: wish.timeout === undefined ? CHECK_TIMEOUT_MS : milliseconds(wish.timeout),
    ...(wish.user === undefined ? {} : { user: wish.user }),
  });
  const answer = await host.query(asked).catch((thrown: unknown) => {
    if (thrown instanceof UnknownReached) return thrown.unknown;
    throw thrown;
  });
  if (answer instanceof Unknown) return answer;
  // 126 and 127: it could not be run at all, which tells nothing about what it was to look at.
  if (
    answer.exitCode === undefined ||
    answer.timedOut ||
    answer.exitCode === 126 ||
    answer.exitCode === 127
  ) {
    throw new PitrError({
      kind: 'failed',
      code: 'check-not-run',
      message: `the check ${howItEnded(answer)}, so it cannot tell whether there is anything to do`,
      evidence: { ...evidenceOf(answer), command: check.join(' ') },
    });
  }
  return answer.exitCode === 0;
}

/** Why there is nothing to do; nothing where the command is needed. */
function notNeeded(state: CommandState, wish: CommandWish): string | undefined {
  if (state.creates !== undefined && known(state.creates).kind !== 'absent')
    return `${wish.creates ?? ''} exists`;
  if (state.removes !== undefined && known(state.removes).kind === 'absent')
    return `${wish.removes ?? ''} does not exist`;
  return known(state.checked ?? false) ? 'its check says that there is nothing to do' : undefined;
}

export function planCommand(
  state: CommandState,
  wish: CommandWish,
  commands: Commands,
  summary: string,
): CommandChange | undefined {
  if (notNeeded(state, wish) !== undefined) return undefined;
  return {
    summary,
    forApply: { argv: commands.argv },
    ...(commands.undo === undefined ? {} : { undo: commands.undo }),
    ...(wish.chdir === undefined ? {} : { chdir: wish.chdir }),
    ...(wish.user === undefined ? {} : { user: wish.user }),
  };
}

/** In check mode: of what the command makes or removes only the run can tell what it will be. */
export function predictCommand(_change: CommandChange, _state: CommandState, wish: CommandWish): Foresight {
  const paths = [wish.creates, wish.removes].filter((path) => path !== undefined);
  return {
    resources: paths.map((path) =>
      predicted(pathResource, path, new Unknown(`what the command leaves at ${path}`), 'unknown'),
    ),
  };
}

/** The result of a command that was not needed. */
export function skippedResult(state: CommandState, wish: CommandWish): Result {
  return {
    rc: 0,
    stdout: '',
    stderr: '',
    stdout_lines: [],
    stderr_lines: [],
    why: notNeeded(state, wish) ?? '',
  };
}

/** Runs it with live output. Throws kind `failed`, with the result, when it does not exit 0. */
export async function applyCommand(
  host: WriteHost,
  change: CommandChange,
  wish: CommandWish,
  context: WorkContext,
): Promise<Result> {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const result = await host.run(change.forApply.argv, {
    signal: context.signal,
    stdin: wish.stdin,
    cwd: change.chdir,
    ...(change.user === undefined ? {} : { user: change.user }),
    timeoutMs: wish.timeout === undefined ? undefined : milliseconds(wish.timeout),
    onOutput: (stream, chunk) => context.output(stream, decoders[stream].decode(chunk, { stream: true })),
  });
  if (result.exitCode === 0 && !result.timedOut) return resultOfCommand(result);
  throw failed(result);
}

function failed(result: RunResult): PitrError {
  return new PitrError({
    kind: 'failed',
    code: result.timedOut ? 'command-timed-out' : 'command-failed',
    message: `${result.argv[0] === 'sh' ? 'the script' : result.argv[0]} ${howItEnded(result)}`,
    evidence: evidenceOf(result),
    result: resultOfCommand(result),
  });
}

function resultOfCommand(result: RunResult): Result {
  const stdout = result.stdout.replace(/\r?\n$/, '');
  const stderr = result.stderr.replace(/\r?\n$/, '');
  return {
    rc: shellStatus(result),
    stdout,
    stderr,
    stdout_lines: stdout === '' ? [] : stdout.split(/\r?\n/),
    stderr_lines: stderr === '' ? [] : stderr.split(/\r?\n/),
    ...(result.signal === undefined ? {} : { signal: result.signal }),
    duration_ms: Math.round(result.durationMs),
  };
}

/** Runs the way back that the playbook's author gave. */
export async function undoCommand(
  host: WriteHost,
  change: Journalled<CommandChange>,
  context: WorkContext,
): Promise<void> {
  if (change.undo === undefined) throw new Error('a command without "undo" cannot be taken back');
  const result = await host.run(change.undo, {
    signal: context.signal,
    cwd: change.chdir,
    ...(change.user === undefined ? {} : { user: change.user }),
  });
  if (result.exitCode !== 0) throw failed(result);
}

/** The very command that takes it back, as whom and where. */
export function shownUndo({ undo, chdir, user }: Journalled<CommandChange>): readonly string[] {
  if (undo === undefined) return [];
  const as = user === undefined ? '' : ` as ${user}`;
  const where = chdir === undefined ? '' : ` in ${chdir}`;
  return [`runs${as}${where}: ${commandLine(undo)}`];
}

/** For the docs of both modules. */
export const COMMAND_RETURNS = {
  rc: 'exit code; of a command that a signal ended 128 plus its number, as shells tell it (137: SIGKILL)',
  stdout: 'what it printed, without the last newline',
  stderr: 'what it printed as errors',
  stdout_lines: 'stdout as a list of lines',
  stderr_lines: 'stderr as a list of lines',
  duration_ms: 'how long it took',
  why: 'why it was not run, where it was not needed',
} as const;
