import type { LookAnswer } from '../../lib/engine/run/look.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import type { RunResult } from '../../lib/transport/types.ts';
import { defineCommand } from '../command.ts';
import { FORKS_OPTION, INVENTORY_OPTIONS, OUTPUT_OPTIONS, typedWords } from '../common-options.ts';
import { exitCodeOfAnswers, type LookSession, withLookSession } from '../look-session.ts';
import { duration, printable } from '../text.ts';
import { usageError } from '../usage-error.ts';

const COMMAND_FAILED = 2;

export const exec = defineCommand({
  name: 'exec',
  summary: 'Run one command on many hosts at once',
  description: [
    'Runs a command on all hosts of a pattern at once and shows what it printed, host by host. The words behind the two dashes reach the host exactly as typed here; no shell reads them there. Where a shell is wanted, call it: -- sh -c "a | b".',
    'Exit code 2 when the command failed on a host, 4 when a host cannot be reached.',
  ],
  arguments: [{ name: 'pattern', required: true, text: 'hosts or groups: db1, patroni, all,!db4' }],
  takesCommand: 'command',
  options: {
    ...INVENTORY_OPTIONS,
    user: {
      short: 'u',
      value: 'name',
      text: 'The OS user that runs it; without it the one that the inventory becomes, or the login user.',
    },
    timeout: {
      value: 'seconds',
      text: 'End the command on the host after so many seconds; never without it.',
    },
    ...FORKS_OPTION,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { text: 'Who is who', command: 'pitr exec patroni -i inventory/lab-docker.yml -- hostname' },
    {
      text: 'As another user, with a shell',
      command:
        'pitr exec db1,db2 -i inventory/lab-ssh.yml -u postgres -- \\\n    sh -c \'psql -p 5431 -Atc "select pg_is_in_recovery()"\'',
    },
  ],
  run: ({ options, args, command }, io) =>
    withLookSession(options, io, async (session) => {
      if (command.length === 0) {
        const asUser = options.user === undefined ? [] : ['-u', options.user];
        const typed = commandLine(['pitr', 'exec', args[0] ?? '', ...typedWords(options), ...asUser]);
        throw usageError('exec-without-command', 'pitr exec needs a command behind two dashes', {
          next: [`${typed} -- <command>`],
        });
      }
      const timeoutMs = secondsOf(options.timeout);
      const { onHosts } = await import('../../lib/engine/run/look.ts');
      let commandFailed = false;
      const answers = await onHosts(
        { ...session.request, hosts: args[0] ?? '' },
        async (host, connections) => {
          const { signal } = session.request;
          const result = await connections
            .to(host)
            .run(command, { user: options.user, timeoutMs, signal, ownChannel: true });
          commandFailed ||= result.exitCode !== 0;
          tellResult(host, result, session);
          return {};
        },
      );
      for (const answer of answers) tellLost(answer, session);
      return exitCodeOfAnswers(answers) || (commandFailed ? COMMAND_FAILED : 0);
    }),
});

function secondsOf(typed: string | undefined): number | undefined {
  if (typed === undefined) return undefined;
  const seconds = /^[0-9]+(\.[0-9]+)?$/.test(typed) ? Number(typed) : 0;
  if (seconds > 0) return seconds * 1000;
  throw usageError(
    'timeout-invalid',
    `--timeout needs a number of seconds over 0, not ${JSON.stringify(typed)}`,
  );
}

/** A host's output whole, as soon as it is all there. */
function tellResult(host: string, result: RunResult, session: LookSession): void {
  const { paint } = session.view;
  session.emit({
    type: 'exec.host',
    host,
    status: result.exitCode === 0 ? 'ok' : 'failed',
    exitCode: result.exitCode,
    signal: result.signal,
    timedOut: result.timedOut,
    durationMs: Math.round(result.durationMs),
    stdout: result.stdout,
    stderr: result.stderr,
  });
  const ended = result.timedOut
    ? 'timed out'
    : result.signal === undefined
      ? `exit code ${result.exitCode}`
      : `killed by ${result.signal}`;
  const head = `${host}: ${ended}, ${duration(result.durationMs)}`;
  session.print([
    (result.exitCode === 0 ? paint.ok : paint.failed)(head),
    ...linesOf(result.stdout),
    ...linesOf(result.stderr).map((line) => `${paint.quiet('stderr |')} ${line}`),
  ]);
}

function linesOf(text: string): string[] {
  return text === '' ? [] : printable(text).replace(/\n$/, '').split('\n');
}

function tellLost({ host, error }: LookAnswer, session: LookSession): void {
  if (error === undefined) return;
  if (session.json) session.emit({ type: 'exec.host', host, status: 'failed', error });
  else session.tell(error);
}
