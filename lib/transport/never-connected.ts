import type { PitrError } from '../base/errors/pitr-error.ts';

/**
 * Codes from before there is a connection, or a session on it. Those of docker are not among them: a container may have been
 * paused, or ended, while a command ran in it.
 */
const BEFORE = [
  /^(?:connect-|host-name-unknown$)/,
  /^ssh-(?:auth-|host-key|known-hosts-command$|handshake-|jump-|config-|proxy-|sessions-exhausted$)/,
  /^openssh-(?:failed|timeout|missing|socket)$/,
];

/** Whether no connection came about: what was to run over it has not begun. */
export function neverConnected({ kind, code }: PitrError): boolean {
  return kind === 'unreachable' && BEFORE.some((codes) => codes.test(code));
}
