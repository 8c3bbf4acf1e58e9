import { dirname } from 'node:path';
import { didYouMean, nearestName } from '../../base/errors/nearest.ts';
import type { PitrError, SourcePosition } from '../../base/errors/pitr-error.ts';
import { Secret } from '../../base/values/secret.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { saysYes } from '../../base/values/yes.ts';
import type { BecomeSettings, SshSettings } from '../../transport/types.ts';
import { type ClientOptions, clientOptions } from './client-options.ts';
import {
  BECOME_METHODS,
  CONNECTION_VARS,
  CONNECTIONS,
  HOST_KEY_CHECKING,
  OTHER_ANSIBLE_VARS,
  PASSWORDLESS,
  UNSUPPORTED_VARS,
} from './connection-vars.ts';
import { inventoryError } from './errors.ts';
import type { InventoryHost, ResolveConnection } from './model.ts';
import { pathFrom } from './path-from.ts';

/**
 * How a host is reached. `rendered` holds its connection variables (see `CONNECTION_VARS`), templates rendered; those
 * from the command line too. Paths are relative to the file in which the variable stands. Throws kind `validation`
 * with the place of a variable that is wrong, misspelt, or cannot be followed.
 */
export const connectionSettings: ResolveConnection = (host, rendered) => {
  const vars = new ConnectionVars(host, rendered);
  vars.refuseOthers();
  const become = becomeSettings(vars);
  switch (vars.choice('connection', CONNECTIONS) ?? defaultConnection(host, vars)) {
    case 'local':
      return { kind: 'local', become };
    case 'docker': {
      const container = vars.text('container') ?? vars.text('host') ?? host.name;
      return { kind: 'docker', container, user: vars.text('user'), become };
    }
    case 'openssh':
      return sshSettings(host, vars, become, 'openssh');
    default:
      return sshSettings(host, vars, become);
  }
};

/** `localhost` with an address or a port is mostly a tunnel to another machine. */
function defaultConnection({ name }: InventoryHost, vars: ConnectionVars): 'ssh' | 'local' {
  return name === 'localhost' && !vars.has('host') && !vars.has('port') ? 'local' : 'ssh';
}

function sshSettings(
  host: InventoryHost,
  vars: ConnectionVars,
  become: BecomeSettings | undefined,
  by?: SshSettings['client'],
): SshSettings {
  for (const typed of by === undefined ? [] : (['password', 'passphrase'] as const))
    if (vars.secret(typed) !== undefined) throw vars.noPassword(typed, PASSWORDLESS.openssh);
  const seconds = vars.number('connectTimeout', 1, 3600);
  const client = vars.clientOptions(by);
  return {
    kind: 'ssh',
    address: vars.text('host') ?? host.name,
    port: vars.number('port', 1, 65_535),
    user: vars.text('user'),
    identityFiles: vars.paths('identityFile'),
    passphrase: vars.secret('passphrase'),
    password: vars.secret('password'),
    knownHostsFiles: vars.paths('knownHosts'),
    hostKeyChecking: vars.choice('hostKeyChecking', HOST_KEY_CHECKING) ?? client?.hostKeyChecking ?? 'strict',
    jumps: vars.jumps(),
    clientOptions: client?.words,
    client: by,
    connectTimeoutMs: seconds === undefined ? undefined : seconds * 1000,
    become,
  };
}

function becomeSettings(vars: ConnectionVars): BecomeSettings | undefined {
  const method = vars.choice('becomeMethod', BECOME_METHODS);
  const password = vars.secret('becomePassword');
  if (password !== undefined && /[\r\n]/.test(password.reveal())) throw vars.manyLinedPassword();
  if (method === 'doas' && password !== undefined) throw vars.noPassword('becomePassword', PASSWORDLESS.doas);
  const user = vars.isOn('become') ? (vars.text('becomeUser') ?? 'root') : undefined;
  if (method === undefined && password === undefined && user === undefined) return undefined;
  return { method: method ?? 'auto', password, user };
}

const WORD = 'a text without control characters that does not begin with "-"';

/** Fit to be a word of a client's command line that cannot be taken for an option. */
function isWord(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it must not hold
  return !/^-|[\u0000-\u001f\u007f]/.test(text);
}

type VarName = keyof typeof CONNECTION_VARS;

interface Found {
  readonly name: string;
  readonly value: unknown;
}

/** What leads to a host: where Ansible takes one name and pitr another, they would be on two machines. */
const LEADS: readonly VarName[] = ['host', 'port', 'user'];

/** The connection variables of one host, read with their types. */
class ConnectionVars {
  readonly #host: InventoryHost;
  readonly #rendered: Readonly<Record<string, unknown>>;

  constructor(host: InventoryHost, rendered: Readonly<Record<string, unknown>>) {
    this.#host = host;
    this.#rendered = rendered;
  }

  /** Refuses what would be followed by Ansible and is not here, and what looks like a misspelt connection variable. */
  refuseOthers(): void {
    const known = Object.values(CONNECTION_VARS).flatMap(({ names }): readonly string[] => names);
    for (const name of Object.keys(this.#rendered)) {
      if (!/^(?:ansible|pitr)_/.test(name) || known.includes(name) || OTHER_ANSIBLE_VARS.has(name)) continue;
      const wayOut = Object.hasOwn(UNSUPPORTED_VARS, name) ? UNSUPPORTED_VARS[name] : undefined;
      if (wayOut !== undefined) throw this.#error(name, `"${name}" is not supported`, [wayOut]);
      if (!name.startsWith('pitr_') && nearestName(name, known) === undefined) continue;
      throw this.#error(name, `unknown connection variable "${name}"${didYouMean(name, known)}`, [
        'If it is a variable of your own, give it a name without ansible_ or pitr_ before it.',
      ]);
    }
  }

  has(variable: VarName): boolean {
    return this.#find(variable) !== undefined;
  }

  text(variable: VarName): string | undefined {
    const found = this.#find(variable);
    if (found === undefined) return undefined;
    const value = found.value instanceof Secret ? found.value.reveal() : found.value;
    if (typeof value === 'number') return String(value);
    if (typeof value !== 'string' || value.trim() === '') throw this.#wrong(found.name, 'a text', value);
    if (!isWord(value)) throw this.#wrong(found.name, WORD, value);
    return value;
  }

  number(variable: VarName, min: number, max: number): number | undefined {
    const found = this.#find(variable);
    if (found === undefined) return undefined;
    const { value } = found;
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max)
      return number;
    throw this.#wrong(found.name, `a whole number from ${min} to ${max}`, value);
  }

  isOn(variable: VarName): boolean {
    const found = this.#find(variable);
    return found !== undefined && saysYes(found.value);
  }

  secret(variable: VarName): Secret | undefined {
    const found = this.#find(variable);
    if (found === undefined) return undefined;
    if (found.value instanceof Secret) return found.value;
    if (typeof found.value === 'string' || typeof found.value === 'number')
      return new Secret(String(found.value));
    throw this.#error(found.name, `"${found.name}" must be a text`);
  }

  choice<W>(variable: VarName, words: Readonly<Record<string, W>>): W | undefined {
    const found = this.#find(variable);
    if (found === undefined) return undefined;
    const word = String(found.value).toLowerCase();
    if (Object.hasOwn(words, word)) return words[word];
    const known = Object.keys(words);
    throw this.#error(
      found.name,
      `"${found.name}" cannot be "${String(found.value)}"${didYouMean(word, known)}`,
      [`Known: ${known.join(', ')}.`],
    );
  }

  /** sudo and su read one line: what follows would be read by the command. */
  manyLinedPassword(): PitrError {
    const name = this.#find('becomePassword')?.name ?? 'ansible_become_password';
    return this.#error(name, `"${name}" must be one line, and none of it may be a line break`, [
      'Write it without the line break at its end: in YAML by `|-` in the place of `|`.',
    ]);
  }

  /** doas reads a password from a terminal alone. */
  noPassword(variable: VarName, [program, next]: readonly [string, string]): PitrError {
    const name = this.#find(variable)?.name ?? variable;
    return this.#error(name, `"${name}" cannot be used: ${program} takes no password from a program`, [next]);
  }

  /** Absolute paths. `~` is the home directory; others are relative to the file that says so. */
  paths(variable: VarName): readonly string[] {
    const found = this.#find(variable);
    if (found === undefined) return [];
    const list: readonly unknown[] = Array.isArray(found.value) ? found.value : [found.value];
    const file = this.#place(found.name)?.file;
    const base = file === undefined ? process.cwd() : dirname(file);
    return list.map((path) => {
      if (typeof path !== 'string' || path.trim() === '' || !isWord(path))
        throw this.#wrong(found.name, 'a path', path);
      return pathFrom(base, path);
    });
  }

  /** `[user@]host[:port]` each, as a list or with commas between them; `none` is none. */
  jumps(): readonly string[] | undefined {
    const found = this.#find('jump');
    if (found === undefined) return undefined;
    const { name, value } = found;
    const list: readonly unknown[] = Array.isArray(value) ? value : String(value).split(',');
    if (list.length === 1 && list[0] === 'none') return [];
    return list.map((jump) => {
      const word = typeof jump === 'string' ? jump.trim() : '';
      if (word === '' || !isWord(word) || /\s/.test(word))
        throw this.#wrong(name, 'hosts, as [user@]host[:port]', value);
      return word;
    });
  }

  /** What Ansible passes to the OpenSSH client, in its order. */
  clientOptions(by: SshSettings['client']): ClientOptions | undefined {
    const all = (['args', 'commonArgs', 'extraArgs'] as const).flatMap((variable) => {
      const found = this.#find(variable);
      if (found === undefined || found.value === '') return [];
      const options = typeof found.value === 'string' ? clientOptions(found.value, by) : 'it must be a text';
      if (typeof options !== 'string') return [options];
      throw this.#error(found.name, `"${found.name}": ${options}`, [
        'Write what is needed of it into ~/.ssh/config, which is read for every host; jump hosts can stand in pitr_jump.',
      ]);
    });
    if (all.length === 0) return undefined;
    // The client takes the first value of an option.
    const checking = all.find(({ hostKeyChecking }) => hostKeyChecking !== undefined)?.hostKeyChecking;
    return {
      words: all.flatMap(({ words }) => words),
      ...(checking === undefined ? {} : { hostKeyChecking: checking }),
    };
  }

  #find(variable: VarName): Found | undefined {
    const all = CONNECTION_VARS[variable].names.flatMap((name): Found[] => {
      const value = Object.hasOwn(this.#rendered, name) ? this.#rendered[name] : undefined;
      return value === undefined || value === null ? [] : [{ name, value }];
    });
    const [found] = all;
    if (found === undefined) return undefined;
    const { name, value } = found;
    if (value instanceof Unknown)
      throw this.#error(name, `"${name}" is not known before the run: ${value.why}`);
    const other = LEADS.includes(variable) && all.find((one) => String(one.value) !== String(value));
    if (other)
      throw this.#error(other.name, `"${name}" and "${other.name}" say different things, and mean the same`, [
        `Leave ${other.name} out: it is an older name of ${name}.`,
      ]);
    return found;
  }

  #wrong(name: string, expected: string, value: unknown): PitrError {
    const got =
      typeof value === 'object' ? (Array.isArray(value) ? 'a list' : 'a map') : JSON.stringify(value);
    return this.#error(name, `"${name}" must be ${expected}, not ${got}`);
  }

  #error(name: string, message: string, next: readonly string[] = []): PitrError {
    return inventoryError(
      // A variable that says how a host is reached has a value that it cannot have.
      'connection-variable',
      message,
      this.#place(name),
      next,
    ).with({
      host: this.#host.name,
    });
  }

  #place(name: string): SourcePosition | undefined {
    return this.#host.vars.get(name)?.at;
  }
}
