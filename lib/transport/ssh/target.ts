import { homedir } from 'node:os';
import { join } from 'node:path';
import { ownUser } from '../../base/values/own-user.ts';
import { jumpHostWords } from '../client-words.ts';
import type { SshSettings } from '../types.ts';
import { toldWords } from './by-hand.ts';
import { askOpenSsh, connectTimeoutOf, jumpsIn } from './client-config.ts';
import { type TokenValues, withTokens } from './tokens.ts';

/** A host to log in to, with everything that settings, ~/.ssh/config and defaults say about it. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Told by the operator: tried first, and missing ones are worth a word. */
  readonly identityFiles: readonly string[];
  /** Tried last, if they are there. */
  readonly defaultIdentityFiles: readonly string[];
  /** Of an agent's keys only those are offered that one of the files names (`IdentitiesOnly`). */
  readonly identitiesOnly: boolean;
  readonly knownHostsFiles: readonly string[];
  /** Prints more of them; as the configuration has it. */
  readonly knownHostsCommand: string | undefined;
  /** Host keys that are refused although they are known. */
  readonly revokedKeysFile: string | undefined;
  readonly hostKeyAlias: string | undefined;
  /** `[user@]host[:port]`, the first one nearest to us. */
  readonly proxyJump: readonly string[];
  /** For the user's shell, as the configuration has it: the way to the host's SSH port. */
  readonly proxyCommand: string | undefined;
  /** The command hands a socket over, and ends. */
  readonly proxyHandsOver: boolean;
  readonly agentSocket: string | undefined;
  readonly hostKeyChecking: SshSettings['hostKeyChecking'];
  readonly connectTimeoutMs: number;
  /** What tokens of the configuration stand for. */
  readonly tokens: TokenValues;
  /** What the inventory tells of the way, as words of the OpenSSH client: option and value in turn. */
  readonly told: readonly string[];
  /** What of it is for the jump hosts, too. */
  readonly toldJumps: readonly string[];
}

const DEFAULT_IDENTITIES = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const DEFAULT_KNOWN_HOSTS = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
const DEFAULT_PORT = 22;

/** `[user@]host[:port]` for messages and commands. */
export function targetName(target: Pick<Target, 'host' | 'port' | 'user'>): string {
  return `${target.user}@${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}

/**
 * The settings completed: by what the OpenSSH client resolves from its configuration where it is installed (all of
 * Include, Match and tokens are then as the operator knows them), else by OpenSSH's defaults. Field by field, settings
 * win. Throws kind `unreachable` where the settings hold options of the client and there is none.
 */
export async function resolveTarget(settings: SshSettings): Promise<Target> {
  return targetOf(settings, await askOpenSsh(settings));
}

/** The pure half of `resolveTarget`. `config` holds what `ssh -G` printed. */
export function targetOf(
  settings: SshSettings,
  config: ReadonlyMap<string, readonly string[]>,
  home: string = homedir(),
): Target {
  const one = (name: string): string | undefined => {
    const value = config.get(name)?.[0];
    return value === undefined || value === 'none' ? undefined : value;
  };
  const many = (name: string): readonly string[] =>
    (config.get(name) ?? []).flatMap((value) => value.split(' ')).filter((value) => value !== 'none');
  const absolute = (path: string): string => (path.startsWith('~/') ? join(home, path.slice(2)) : path);
  const identities = config.get('identityfile') ?? DEFAULT_IDENTITIES.map((name) => `~/.ssh/${name}`);
  const userKnown = config.has('userknownhostsfile') ? many('userknownhostsfile') : ['~/.ssh/known_hosts'];
  const globalKnown = config.has('globalknownhostsfile') ? many('globalknownhostsfile') : DEFAULT_KNOWN_HOSTS;
  const host = one('hostname') ?? settings.address;
  const port = settings.port ?? Number(one('port') ?? DEFAULT_PORT);
  const user = settings.user ?? one('user') ?? ownUser();
  const alias = one('hostkeyalias');
  const tokens = { name: settings.address, host, port, user, alias, home };
  const whole = (path: string): string => withTokens(absolute(path), tokens);
  const revoked = one('revokedhostkeys');
  return {
    host,
    port,
    user,
    identityFiles: settings.identityFiles,
    defaultIdentityFiles: identities
      .filter((path) => path !== 'none')
      .map(whole)
      .filter((path) => !settings.identityFiles.includes(path)),
    identitiesOnly: one('identitiesonly') === 'yes',
    knownHostsFiles:
      settings.knownHostsFiles.length > 0
        ? settings.knownHostsFiles
        : [...userKnown, ...globalKnown].map(absolute),
    knownHostsCommand: settings.knownHostsFiles.length > 0 ? undefined : one('knownhostscommand'),
    revokedKeysFile: revoked === undefined ? undefined : whole(revoked),
    hostKeyAlias: alias,
    proxyJump: settings.jumps ?? jumpsIn(config),
    proxyCommand: settings.jumps === undefined ? one('proxycommand') : undefined,
    proxyHandsOver: one('proxyusefdpass') === 'yes',
    agentSocket: agentSocket(config.get('identityagent')?.[0], absolute),
    hostKeyChecking: settings.hostKeyChecking,
    connectTimeoutMs: settings.connectTimeoutMs ?? connectTimeoutOf(config),
    tokens,
    told: toldWords(settings),
    toldJumps: jumpHostWords(settings),
  };
}

function agentSocket(configured: string | undefined, absolute: (path: string) => string): string | undefined {
  if (configured === 'none') return undefined;
  if (configured === undefined || configured === 'SSH_AUTH_SOCK') return process.env.SSH_AUTH_SOCK;
  return configured.startsWith('$') ? process.env[configured.slice(1)] : absolute(configured);
}
