import { clientWords } from '../client-words.ts';
import { commandLine } from '../quote.ts';
import type { SshSettings } from '../types.ts';

/** The way to a host. */
interface Way {
  readonly host: string;
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
export function sshByHand({ host, port, user, proxyJump, told }: Way, ...more: readonly string[]): string {
  const through = proxyJump.length === 0 ? [] : ['-J', proxyJump.join(',')];
  return commandLine(['ssh', ...more, ...through, ...told, '-p', String(port), `${user}@${host}`]);
}

/** Brings a key there the same way; ssh-copy-id knows neither -J nor -l. */
export function copyKeyByHand({ host, port, user, proxyJump, told }: Way): string {
  const through = proxyJump.length === 0 ? [] : ['-o', `ProxyJump=${proxyJump.join(',')}`];
  const words = told.flatMap((word, at) => {
    if (at % 2 === 1) return [];
    const value = told[at + 1] ?? '';
    if (word === '-J') return ['-o', `ProxyJump=${value}`];
    return word === '-l' || word === '-p' ? [] : [word, value];
  });
  return commandLine(['ssh-copy-id', ...through, ...words, '-p', String(port), `${user}@${host}`]);
}
