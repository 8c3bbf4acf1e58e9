import { splitWords } from '../../base/values/split-words.ts';
import type { SshSettings } from '../../transport/types.ts';

/** What options of the OpenSSH client say, as far as pitr follows them. */
export interface ClientOptions {
  /** As the client takes them, to resolve them together with its configuration. */
  readonly words: readonly string[];
  readonly hostKeyChecking?: 'strict' | 'accept-new';
}

/** Keywords that say how a host is reached, and that the client itself resolves. */
const FOLLOWED = [
  ...['hostname', 'port', 'user', 'identityfile', 'identityagent', 'proxyjump', 'proxycommand'],
  ...['hostkeyalias', 'proxyusefdpass', 'knownhostscommand', 'connecttimeout'],
  ...['identitiesonly', 'userknownhostsfile', 'globalknownhostsfile', 'revokedhostkeys'],
];
/** Keywords about the client's own process, or about comfort: nothing of them is needed here. */
const INDIFFERENT = [
  ...['controlmaster', 'controlpath', 'controlpersist', 'serveraliveinterval', 'serveralivecountmax'],
  ...['tcpkeepalive', 'connectionattempts', 'compression', 'loglevel', 'batchmode'],
  ...['forwardagent', 'forwardx11', 'visualhostkey', 'checkhostip', 'updatehostkeys', 'hashknownhosts'],
  ...['preferredauthentications', 'passwordauthentication', 'kbdinteractiveauthentication', 'requesttty'],
  ...['addkeystoagent', 'gssapiauthentication', 'ipqos'],
];
const WITH_VALUE = ['J', 'i', 'p', 'l', 'F'];
/** More of them that the OpenSSH client follows where it reaches the host itself. */
const OF_THE_CLIENT = ['b', 'B', 'c', 'I', 'm'];
const ALONE = /^-[46ACaqTvx]+$/;
/** What some of them say to the OpenSSH client, each as an option that has a value. */
const ALONE_TO_CLIENT: Readonly<Record<string, string>> = {
  '4': 'AddressFamily=inet',
  '6': 'AddressFamily=inet6',
  A: 'ForwardAgent=yes',
  a: 'ForwardAgent=no',
  C: 'Compression=yes',
};

/**
 * Reads the words of `ansible_ssh_common_args` and its kin; what pitr cannot follow is a text that says so. Where the OpenSSH
 * client reaches the host itself (`by`), that follows every keyword.
 */
export function clientOptions(text: string, by?: SshSettings['client']): ClientOptions | string {
  const letters = by === undefined ? WITH_VALUE : [...WITH_VALUE, ...OF_THE_CLIENT];
  const words = splitWords(text);
  if ('fault' in words) return 'its quotes are not closed';
  const kept: string[] = [];
  let hostKeyChecking: ClientOptions['hostKeyChecking'];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const letter = word.slice(1, 2);
    if (ALONE.test(word)) {
      const said = by === undefined ? [] : [...word].map((one) => ALONE_TO_CLIENT[one]);
      kept.push(...said.flatMap((option) => (option === undefined ? [] : ['-o', option])));
      continue;
    }
    if (!word.startsWith('-') || (letter !== 'o' && !letters.includes(letter)))
      return `pitr cannot follow "${word}"`;
    let value = word.slice(2);
    if (value === '') {
      at += 1;
      value = words[at] ?? '';
    }
    if (value === '') return `"${word}" has no value`;
    if (letter !== 'o') {
      kept.push(`-${letter}`, value);
      continue;
    }
    const [, keyword = '', setting = ''] = /^([A-Za-z0-9]+)\s*(?:=|\s)\s*(.*)$/s.exec(value) ?? [];
    const name = keyword.toLowerCase();
    if (name === 'stricthostkeychecking') {
      hostKeyChecking = /^(no|off|false|accept-new)$/i.test(setting) ? 'accept-new' : 'strict';
    } else if (by !== undefined || FOLLOWED.includes(name)) {
      kept.push('-o', `${keyword}=${setting}`);
    } else if (!INDIFFERENT.includes(name)) {
      return `pitr cannot follow "-o ${value}"`;
    }
  }
  return { words: kept, ...(hostKeyChecking === undefined ? {} : { hostKeyChecking }) };
}
