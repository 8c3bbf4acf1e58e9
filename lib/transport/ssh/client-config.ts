import { execFile } from 'node:child_process';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { commandLine } from '../quote.ts';
import type { SshSettings } from '../types.ts';
import { jumpSettings, MOST_JUMPS } from './jump-settings.ts';

/** A busy controller starts a program late; a configuration that is not read in time would be ignored in silence. */
const SSH_CLIENT_DEADLINE_MS = 20_000;

/**
 * What `ssh -G` prints, as lists of values by keyword. Nothing where there is no OpenSSH client. Throws kind
 * `unreachable` (`ssh-config-unread`) where it cannot say what its configuration holds.
 */
export function askOpenSsh(settings: SshSettings): Promise<ReadonlyMap<string, readonly string[]>> {
  const argv = [
    '-G',
    ...(settings.clientOptions ?? []),
    ...(settings.port === undefined ? [] : ['-p', String(settings.port)]),
    ...(settings.user === undefined ? [] : ['-l', settings.user]),
    '--',
    settings.address,
  ];
  return new Promise((resolve, reject) => {
    const options = { timeout: SSH_CLIENT_DEADLINE_MS, maxBuffer: 1024 * 1024 };
    const child = execFile('ssh', argv, options, (error, stdout, stderr) => {
      if (error === null) resolve(parseOpenSshConfig(stdout));
      // Without a client, or an account here, there is no configuration either: OpenSSH's defaults hold.
      else if (settings.clientOptions === undefined && hasNone(error.code, stderr)) resolve(new Map());
      else reject(configurationUnread(settings, argv, stderr.trim() || error.message));
    });
    child.stdin?.end();
  });
}

/** The output of `ssh -G`: a keyword and its value on each line, some keywords more than once. */
export function parseOpenSshConfig(text: string): ReadonlyMap<string, readonly string[]> {
  const config = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space <= 0) continue;
    const keyword = line.slice(0, space).toLowerCase();
    const value = line.slice(space + 1).trim();
    const values = config.get(keyword);
    if (values === undefined) config.set(keyword, [value]);
    else values.push(value);
  }
  return config;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * How long a login may take where the inventory does not say it. `ConnectTimeout` tells of a host that answers slowly; one that
 * is shorter is meant for the first answer alone, and a login may take longer.
 */
export function connectTimeoutOf(config: ReadonlyMap<string, readonly string[]>): number {
  const [configured = 'none'] = config.get('connecttimeout') ?? [];
  return /^\d+$/.test(configured)
    ? Math.max(CONNECT_TIMEOUT_MS, Number(configured) * 1000)
    : CONNECT_TIMEOUT_MS;
}

/**
 * The same for the whole way to a host: the longest of the host and of the jump hosts before it, which OpenSSH's client goes
 * through in one. What is wrong with its configuration the client says itself, when it logs in.
 */
export async function configuredTimeout(
  settings: SshSettings,
  via: readonly string[] = [],
  ahead = 0,
): Promise<number> {
  const config = await askOpenSsh(settings).catch(() => new Map<string, readonly string[]>());
  const jumps = via.length > 0 ? via : (settings.jumps ?? jumpsIn(config));
  const own = connectTimeoutOf(config);
  const nearest = jumps.at(-1);
  if (nearest === undefined || ahead >= MOST_JUMPS) return own;
  return Math.max(
    own,
    await configuredTimeout(jumpSettings(settings, nearest), jumps.slice(0, -1), ahead + 1),
  );
}

/** The jump hosts that a configuration names, the nearest to us first. */
export function jumpsIn(config: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const [told = 'none'] = config.get('proxyjump') ?? [];
  return told === 'none' ? [] : told.split(',');
}

function hasNone(code: unknown, stderr: string): boolean {
  return code === 'ENOENT' || /^No user exists for uid/m.test(stderr);
}

/** To go on without its configuration would be a guess. */
function configurationUnread(
  { address }: Pick<SshSettings, 'address'>,
  argv: readonly string[],
  words: string,
): PitrError {
  const command = commandLine(['ssh', ...argv]);
  return new PitrError({
    kind: 'unreachable',
    code: 'ssh-config-unread',
    message: `the ssh client does not say how ${address} is reached`,
    evidence: { command, stderr: words },
    next: [`See what it says: ${command}`, 'Mend ~/.ssh/config, or the options in the inventory.'],
  });
}
