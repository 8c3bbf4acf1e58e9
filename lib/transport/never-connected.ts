import type { PitrError } from '../base/errors/pitr-error.ts';

/** Codes from before there is a connection. */
const BEFORE = /^(?:connect-|host-name-unknown$|ssh-(?:auth-|host-key|handshake-|jump-|config-))/;

/** Whether no connection came about: what was to run over it has not begun. */
export function neverConnected({ kind, code }: PitrError): boolean {
  return kind === 'unreachable' && BEFORE.test(code);
}
