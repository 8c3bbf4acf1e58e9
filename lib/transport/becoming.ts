import type { Secret } from '../base/values/secret.ts';
import { becomeUserInvalid } from './errors.ts';
import { quote, quoteForAnyShell } from './quote.ts';
import type { BecomeSettings } from './types.ts';

/** A way to run a text of `sh` as some OS user. */
export interface Becoming {
  /** Undefined for the login user, who needs not become anybody. */
  readonly user: string | undefined;
  /** `runuser`, `sudo`, `su`; for messages. */
  readonly how: string;
  /** The text that runs `text` as that user. The login shell reads it, which need not be a POSIX one. */
  wrap(text: string): string;
  /** It is given a terminal, which sudo may insist on (`requiretty`). */
  readonly onTerminal?: true;
  /** A password that is asked for on the channel before the shell begins. */
  readonly dialog?: PasswordDialog;
}

interface PasswordDialog {
  readonly password: Secret;
  /** The question that stands open in what was said since the last answer. */
  asks(said: string): string | undefined;
}

export const asLoginUser: Becoming = {
  user: undefined,
  how: 'login',
  wrap: (text) => `exec sh -c ${quoteForAnyShell(text)}`,
};

const USER_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*\$?$/;

/**
 * How `user` is become, by the inventory's settings or else by what the login user can do; `onTerminal`: sudo is given a
 * terminal. Throws kind `validation` for what cannot be a user name.
 */
export function becomingOf(
  user: string,
  settings: BecomeSettings | undefined,
  loginIsRoot: boolean,
  onTerminal = false,
): Becoming {
  if (!USER_NAME.test(user)) throw becomeUserInvalid(user);
  const method = settings?.method ?? 'auto';
  const password = settings?.password;
  switch (method === 'auto' ? (loginIsRoot ? 'root' : 'sudo') : method) {
    case 'root':
      return { user, how: 'runuser', wrap: (text) => anyRootTool(user, atHome(user, text)) };
    case 'runuser':
      return {
        user,
        how: 'runuser',
        wrap: (text) => `exec runuser -u ${user} -- sh -c ${quoteForAnyShell(atHome(user, text))}`,
      };
    case 'su':
      return {
        user,
        how: 'su',
        wrap: (text) => `exec env LC_ALL=C su -s /bin/sh ${user} -c ${quoteForAnyShell(atHome(user, text))}`,
        ...(password === undefined
          ? {}
          : { dialog: { password, asks: (said: string) => /[^\n]*password: ?$/i.exec(said)?.[0].trim() } }),
      };
    case 'doas':
      return {
        user,
        how: 'doas',
        wrap: (text) => `exec doas -n -u ${user} sh -c ${quoteForAnyShell(atHome(user, text))}`,
      };
    default:
      return onTerminal ? withTerminal(sudo(user, password)) : sudo(user, password);
  }
}

const SUDO_PROMPT = '[pitr asks for the become password]';

function sudo(user: string, password: Secret | undefined): Becoming {
  const asking = password === undefined ? '-n' : `-S -p ${quote(SUDO_PROMPT)}`;
  return {
    user,
    how: 'sudo',
    wrap: (text) => `exec sudo ${asking} -H -u ${user} -- sh -c ${quoteForAnyShell(atHome(user, text))}`,
    ...(password === undefined ? {} : { dialog: { password, asks: askedBySudo } }),
  };
}

/** sudo-rs has words of its own on both sides of the prompt. A login shell that prints its commands ends their lines. */
function askedBySudo(said: string): string | undefined {
  return said.slice(said.lastIndexOf('\n') + 1).includes(SUDO_PROMPT) ? SUDO_PROMPT : undefined;
}

/**
 * `script` (util-linux) makes a terminal that sudo finds and that nothing is read from or written to: input and output go
 * on by the channel itself, so that bytes stay as they are and the two outputs stay apart.
 */
function withTerminal(becoming: Becoming): Becoming {
  return {
    ...becoming,
    onTerminal: true,
    wrap: (text) => {
      const line = `${becoming.wrap(text)} <&3 >&4 2>&5 3<&- 4>&- 5>&-`;
      return `exec env SHELL=/bin/sh script -qefc ${quoteForAnyShell(line)} /dev/null 3<&0 4>&1 5>&2 </dev/null >/dev/null`;
    },
  };
}

/** Root needs no password: runuser where there is one (util-linux), else su (busybox). */
function anyRootTool(user: string, text: string): string {
  const tool =
    `if command -v runuser >/dev/null 2>&1; then exec runuser -u ${user} -- sh -c "$1"; ` +
    `else exec su -s /bin/sh ${user} -c "$1"; fi`;
  return `exec sh -c ${quote(tool)} sh ${quoteForAnyShell(text)}`;
}

/**
 * The shell of another user begins in that user's home with that user's names. runuser and sudo leave some or all of
 * the login user's behind, and programs then look into a home they may not read.
 */
function atHome(user: string, text: string): string {
  return (
    `HOME=~${user} USER=${user} LOGNAME=${user}; export HOME USER LOGNAME; ` +
    `unset XDG_RUNTIME_DIR XDG_SESSION_ID DBUS_SESSION_BUS_ADDRESS MAIL; cd ~ 2>/dev/null || cd /; ${text}`
  );
}
