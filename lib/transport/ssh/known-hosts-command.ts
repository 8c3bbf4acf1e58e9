import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { splitWords } from '../../base/values/split-words.ts';
import { fingerprint, keyType } from './known-hosts.ts';
import { type TokenValues, tokensIn } from './tokens.ts';

/** A program that waits for another one may not hear any other signal. */
const LIMITS = { timeout: 10_000, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 } as const;

/** Whose keys are asked for. */
export interface KnownHostsQuestion {
  /** `KnownHostsCommand` of ssh_config(5), as it is written there. */
  readonly command: string;
  readonly tokens: TokenValues;
  /** The name under which the host stands in known_hosts. */
  readonly name: string;
}

/** What the command prints before the host has shown its key. Throws where it fails: a key may be missing, or a revocation. */
export async function knownBefore(question: KnownHostsQuestion): Promise<string> {
  const [program, ...words] = argv(question, { I: 'ORDER', t: 'NONE', f: 'NONE', K: 'NONE' });
  const asked = promisify(execFile)(program, words, LIMITS);
  asked.child.stdin?.end();
  return (await asked).stdout;
}

/** What it prints about the key that the host shows. Synchronous, as `HostKeyCheck.accepts` is. Throws where it fails. */
export function knownOf(question: KnownHostsQuestion, key: Buffer): string {
  const about = { t: keyType(key), f: fingerprint(key), K: key.toString('base64') };
  const [program, ...words] = argv(question, { I: 'HOSTNAME', ...about });
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8', ...LIMITS });
  if (status === 0) return stdout;
  throw new Error(stderr?.trim() || (error?.message ?? `exit code ${status}`));
}

/** ssh starts it without a shell. */
function argv(
  { command, tokens, name }: KnownHostsQuestion,
  more: Readonly<Record<string, string>>,
): readonly [string, ...string[]] {
  const words = splitWords(command);
  if ('fault' in words) throw new Error('its words cannot be told apart');
  const [program = '', ...rest] = words.map((word) => tokensIn(word, tokens, { ...more, H: name }));
  return [program, ...rest];
}
