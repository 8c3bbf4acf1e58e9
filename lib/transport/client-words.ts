import { jumpWords } from './jump-words.ts';
import type { SshSettings } from './types.ts';

/** What the inventory tells of the way to a host, as words of the OpenSSH client: option and value in turn. */
export function clientWords({
  port,
  identityFiles,
  knownHostsFiles,
  jumps,
  clientOptions = [],
}: SshSettings): readonly string[] {
  const known = knownHostsFiles.map((file) => (/\s/.test(file) ? `"${file}"` : file)).join(' ');
  return [
    ...(port === undefined || port === 22 ? [] : ['-p', String(port)]),
    ...identityFiles.flatMap((file) => ['-i', file]),
    ...(known === '' ? [] : ['-o', `UserKnownHostsFile=${known}`]),
    ...(jumps === undefined ? [] : ['-J', jumps.length === 0 ? 'none' : jumps.join(',')]),
    ...(jumps === undefined ? clientOptions : withoutJumps(clientOptions)),
  ];
}

/** The same for a command that is typed: it reaches the host with what pitr reaches it with, its jump hosts too. */
export function typedWords(settings: SshSettings): readonly string[] {
  const { clientOptions = [] } = settings;
  const jumps = settings.jumps ?? namedJumps(clientOptions);
  // The client of this machine is told no more than this by pitr, either.
  if (jumps === undefined || jumps.length === 0 || settings.client === 'openssh')
    return clientWords(settings);
  const told = clientWords({ ...settings, jumps: undefined, clientOptions: withoutJumps(clientOptions) });
  return [...jumpWords(jumps, told), ...told];
}

/** The client refuses a second -J, and a ProxyJump behind another way. */
export function withoutJumps(words: readonly string[]): readonly string[] {
  return words.filter((_, at) => jumpsIn(words, at - (at % 2)) === undefined);
}

/** The client takes the first that it meets. */
function namedJumps(words: readonly string[]): readonly string[] | undefined {
  const at = words.findIndex((_, index) => index % 2 === 0 && jumpsIn(words, index) !== undefined);
  const named = at === -1 ? undefined : jumpsIn(words, at);
  return named === 'none' ? [] : named?.split(',');
}

function jumpsIn(words: readonly string[], at: number): string | undefined {
  if (words[at] === '-J') return words[at + 1];
  return words[at] === '-o' ? /^ProxyJump[= ](.*)$/i.exec(words[at + 1] ?? '')?.[1] : undefined;
}
