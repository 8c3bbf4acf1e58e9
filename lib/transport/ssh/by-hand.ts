import { clientWords, withoutJumps } from '../client-words.ts';
import { jumpWords } from '../jump-words.ts';
import { commandLine } from '../quote.ts';
import type { SshSettings } from '../types.ts';
import type { TokenValues } from './tokens.ts';

/** The way to a host. */
interface Way {
  /** With the name that was asked for: what the configuration says stands under that, not under the address behind it. */
  readonly tokens: Pick<TokenValues, 'name'>;
  readonly port: number;
  readonly user: string;
  readonly proxyJump: readonly string[];
  /** What `toldWords` gives. */
  readonly told: readonly string[];
}

/** What the inventory tells of the way, but for what a `Way` has itself. */
export function toldWords(settings: SshSettings): readonly string[] {
  const none = settings.jumps?.length === 0;
  return clientWords({ ...settings, port: undefined, jumps: none ? settings.jumps : undefined });
}

/** A login as one would try it by hand. */
export function sshByHand(way: Way, ...more: readonly string[]): string {
  return commandLine(['ssh', ...more, ...leading(way), ...destination(way)]);
}

/** Brings a key there the same way; ssh-copy-id knows neither -J nor -l, and takes one key. */
export function copyKeyByHand(way: Way): string {
  const words = leading(way);
  const key = words.indexOf('-i');
  const known = words.flatMap((word, at) => {
    if (at % 2 === 1) return [];
    const value = words[at + 1] ?? '';
    if (word === '-J') return ['-o', `ProxyJump=${value}`];
    return word === '-l' || word === '-p' || (word === '-i' && at !== key) ? [] : [word, value];
  });
  return commandLine(['ssh-copy-id', ...known, ...destination(way)]);
}

function leading({ proxyJump, told }: Way): readonly string[] {
  if (proxyJump.length === 0) return told;
  const rest = withoutJumps(told);
  return [...jumpWords(proxyJump, rest), ...rest];
}

function destination({ tokens, port, user }: Way): readonly string[] {
  return ['-p', String(port), `${user}@${tokens.name}`];
}
