import { type CommandEvidence, PitrError } from '../base/errors/pitr-error.ts';
import type { ChannelEnd } from './connection.ts';
import { commandLine } from './quote.ts';
import { tail } from './tail.ts';

const BRIEF_CHARACTERS = 120;

/** A command as a message can name it: one line, and no longer than one. */
export function brief(argv: readonly string[]): string {
  const line = commandLine(argv.map((word) => word.trim().replace(/\s+/g, ' ')));
  return line.length <= BRIEF_CHARACTERS ? line : `${line.slice(0, BRIEF_CHARACTERS)}...`;
}

/** What a shell or helper said, as evidence; nothing when it was silent. */
function said(text: string): { readonly stderr?: string } {
  return text.trim() === '' ? {} : { stderr: tail(text) };
}

export function endInWords(end: ChannelEnd): string {
  switch (end.kind) {
    case 'exited':
      return `exit code ${end.exitCode}`;
    case 'signalled':
      return `signal ${end.signal}`;
    case 'lost':
      return end.error.message;
  }
}

export function interrupted(what: string, state?: string): PitrError {
  return new PitrError({
    kind: 'interrupted',
    code: 'interrupted',
    message: `interrupted: ${briefly(what)}`,
    state,
  });
}

export function connectionClosed(address: string): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'connection-closed',
    message: `the connection was closed by this program: ${address}`,
    next: ['Run the command again.'],
  });
}

export function shellNotAnswering(address: string, end: ChannelEnd, output: string): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'shell-not-answering',
    message: `no shell answers: ${address} ended with ${endInWords(end)} before it ran anything`,
    evidence: {
      command: 'sh',
      ...(end.kind === 'exited' ? { exitCode: end.exitCode } : {}),
      ...(end.kind === 'signalled' ? { signal: end.signal } : {}),
      ...said(output),
    },
    next: [
      'See that the login user may log in with a POSIX shell (not nologin, no forced command).',
      'Where the host has no sh at all, it cannot be managed without installing one.',
    ],
  });
}

export function shellSilent(address: string, seconds: number, output: string): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'shell-silent',
    message: `no shell answered within ${seconds} s: ${address}`,
    details: output.trim() === '' ? [] : [`last seen: ${tail(output)}`],
    next: ["Look at the load of the host, and at what the login user's shell does at start."],
  });
}

export function becomeFailed(facts: {
  readonly user: string;
  readonly how: string;
  readonly address: string;
  readonly end: ChannelEnd;
  readonly output: string;
}): PitrError {
  const { user, how, address, end, output } = facts;
  const next =
    how === 'sudo'
      ? [
          `Allow it on the host: \`LOGIN ALL=(${user}) NOPASSWD: /bin/sh\` in /etc/sudoers.d/, with LOGIN the login user.`,
          'Or give the become password in the inventory.',
          ...(/script.*not found/.test(output)
            ? [
                'sudo insists on a terminal: install `script` (util-linux), or allow it without: `Defaults:LOGIN !requiretty`.',
              ]
            : []),
        ]
      : [`See that the user exists on the host (\`id ${user}\`), and that the login user may use ${how}.`];
  return new PitrError({
    kind: 'failed',
    code: 'become-failed',
    message: `cannot become user "${user}" with ${how}: ${address}`,
    evidence: { command: how, ...(end.kind === 'exited' ? { exitCode: end.exitCode } : {}), ...said(output) },
    next,
  });
}

export function loginUserUntold(address: string, how: string, output: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'login-user-untold',
    message: `the host does not say who the login user is, so nobody else can be become: ${address}`,
    details: [`id: ${how}`],
    evidence: { command: 'id', ...said(output) },
    next: ['Run `id` there as the login user: a name service (LDAP, sssd) that does not answer holds it up.'],
  });
}

/** Whether sudo refused only because it had no terminal (`requiretty`). Its words may be of any language. */
export function insistsOnTerminal(error: unknown): boolean {
  if (!(error instanceof PitrError) || error.code !== 'become-failed') return false;
  return error.evidence?.command === 'sudo' && /\btty\b/i.test(error.evidence.stderr ?? '');
}

/** `another`: what was asked for behind the password, where that is another question than the one before. */
export function becomePasswordWrong(facts: {
  readonly user: string;
  readonly how: string;
  readonly address: string;
  readonly another: string | undefined;
  readonly output: string;
}): PitrError {
  const { user, how, address, another, output } = facts;
  return new PitrError({
    kind: 'failed',
    code: 'become-password-wrong',
    message:
      another === undefined
        ? `the become password was not accepted: ${how} to user "${user}", ${address}`
        : `after the become password something else was asked for, ${JSON.stringify(another)}: ${how} to user "${user}", ${address}`,
    evidence: { command: how, ...said(output) },
    next: [
      ...(another === undefined
        ? []
        : [`Log in there and become the user by hand (${how}): its password may have expired.`]),
      'Give the right become password in the inventory.',
    ],
  });
}

export function becomeUserInvalid(user: string): PitrError {
  return new PitrError({
    kind: 'validation',
    code: 'become-user-invalid',
    message: `not a user name: ${JSON.stringify(user)}`,
    next: ['Use the name of an OS user of the host.'],
  });
}

export function directoryMissing(argv: readonly string[], cwd: string, stderr: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'directory-not-entered',
    message: `the working directory cannot be entered, so the command was not started: ${cwd}`,
    evidence: { command: commandLine(argv), ...said(stderr) },
    next: [`Create the directory, or see that the user may enter it: ${commandLine(['ls', '-ld', cwd])}`],
  });
}

export function commandNotEnded(what: string, pid: number): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'command-not-ended',
    message: `the command does not end although it was killed: ${what}`,
    state: `It may still be running on the host, below process ${pid}.`,
    next: [`Look at it on the host: ps -o pid,stat,wchan,args --ppid ${pid}`],
  });
}

/** `left` names them as `kill-tree` does: `PID:START ...`. */
export function processesLeft(left: string): PitrError {
  const pids = [...left.matchAll(/(\d+):\d+/g)].map(([, pid]) => pid).join(',');
  return new PitrError({
    kind: 'failed',
    code: 'command-not-ended',
    message: 'not all processes of the command have ended on the host, although they were killed',
    state: `Process ${pids} may still be running there.`,
    next: [`Look at it on the host: ps -o pid,user,stat,wchan,args -p ${pids}`],
  });
}

export function killFailed(pid: number, output: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'command-not-ended',
    message: `the command cannot be ended on the host, the helper for it failed`,
    evidence: { command: 'sh -c ...', ...said(output) },
    state: `It may still be running on the host, below process ${pid}.`,
    next: ['The helper needs sh, awk, cat and sleep on the host: see that they are there.'],
  });
}

/** The first words of a command; a script of ours would fill the screen and tell nobody anything. */
function briefly(what: string): string {
  const [line = ''] = what.split('\n');
  return line.length < what.length || line.length > 80 ? `${line.slice(0, 80).trimEnd()} ...` : line;
}

/** `why` is that of the connection that would be needed to end it: taken by itself, nothing would have begun. */
export function killUnsent(pid: number, why: PitrError): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'connection-lost',
    message: `the command cannot be ended on the host, nothing gets there: ${why.message}`,
    details: why.details,
    evidence: why.evidence,
    state: `It may still be running on the host, below process ${pid}.`,
    next: why.next,
    cause: why,
  });
}

export function shellLost(what: string, end: ChannelEnd): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'connection-lost',
    message: `the connection ended while a command ran (${endInWords(end)}): ${briefly(what)}`,
    state: 'Whether the command did its work is not known; it may still be running.',
    next: ['Look at the host before running it again.'],
  });
}

/** A client that this program let go of: its end, a signal of ours, tells nothing of the shell behind it. */
export function clientLetGo(): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'connection-lost',
    message: 'this program let go of the shell before it had ended',
    state: 'What ran in it may still be running.',
    next: ['Look at the host before running it again.'],
  });
}

/** Failures of reading and writing files. */
export function fileFailed(
  code: 'file-missing' | 'file-not-read' | 'file-not-written' | 'content-otherwise',
  message: string,
  evidence: CommandEvidence,
  next: readonly string[],
): PitrError {
  return new PitrError({ kind: 'failed', code, message, evidence, next });
}

/** What was to be sent broke off before its end; the error of the source itself says more, where it is one of ours. */
export function sourceFailed(what: string, cause: unknown, state: string): PitrError {
  if (cause instanceof PitrError) return cause.with({ state });
  return new PitrError({
    kind: 'failed',
    code: 'source-failed',
    message: `what was to be sent broke off: ${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
    state,
    next: ['Look at the source, then run it again.'],
    cause,
  });
}
