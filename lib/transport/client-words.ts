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

/** The client refuses a second -J. */
export function withoutJumps(words: readonly string[]): readonly string[] {
  return words.filter((_, at) => words[at - (at % 2)] !== '-J');
}
