import { typedWords } from '../../lib/transport/client-words.ts';
import { commandLine, quote, quoteForAnyShell } from '../../lib/transport/quote.ts';
import type { ConnectionSettings, SshSettings } from '../../lib/transport/types.ts';

/** A command on a host, as data. */
export interface HostCommand {
  readonly host: string;
  /** The operating system user that runs it; root where none is named. */
  readonly user?: string | undefined;
  readonly argv: readonly string[];
}

/** A text of `sh` on a host. */
export function script(text: string): readonly string[] {
  return ['sh', '-c', text];
}

/** The command as an operator types it here, to run there: by docker, ssh, or on this machine. It can be copied. */
export function typedCommand({ user = 'root', argv }: HostCommand, settings: ConnectionSettings): string {
  switch (settings.kind) {
    case 'docker':
      return commandLine(['docker', 'exec', '-u', user, settings.container, ...argv]);
    case 'local':
      return asUser(user, argv, settings, undefined);
    case 'ssh': {
      const there = asUser(user, argv, settings, settings.user ?? '');
      return commandLine([...sshWords(settings, needsTerminal(user, settings)), there]);
    }
  }
}

/** sudo may insist on a terminal (`requiretty`), and sudo, su and doas can ask for a password only on one. */
function needsTerminal(user: string, { user: login, become }: SshSettings): boolean {
  const method = become?.method ?? 'auto';
  if (user === login || login === 'root' || method === 'runuser') return false;
  return method === 'auto' || method === 'sudo' || become?.password !== undefined;
}

function sshWords(settings: SshSettings, terminal: boolean): readonly string[] {
  const { address, user } = settings;
  return [
    'ssh',
    ...(terminal ? ['-t'] : []),
    ...typedWords(settings),
    user === undefined ? address : `${user}@${address}`,
  ];
}

/**
 * The command line that runs `argv` as another user on the host where it is typed. From a directory that everybody may
 * enter: the home of root is closed to others, and PostgreSQL's programs complain. By the shell of that user: sudo and doas
 * may allow no more than that, which is all that pitr itself needs (docs/recovery.md).
 */
function asUser(
  user: string,
  argv: readonly string[],
  { become }: Pick<ConnectionSettings, 'become'>,
  login: string | undefined,
): string {
  const plain = commandLine(argv);
  if (user === login) return plain;
  const method = become?.method ?? 'auto';
  if (login === 'root' || method === 'runuser') return `cd / && runuser -u ${quote(user)} -- ${plain}`;
  if (method === 'su') return `cd / && su -s /bin/sh ${quote(user)} -c ${quoteForAnyShell(plain)}`;
  const byShell = argv[0] === 'sh' && argv[1] === '-c' ? plain : `sh -c ${quoteForAnyShell(plain)}`;
  if (method === 'doas') return `cd / && doas -u ${quote(user)} ${byShell}`;
  return `cd / && sudo -H -u ${quote(user)} -- ${byShell}`;
}
