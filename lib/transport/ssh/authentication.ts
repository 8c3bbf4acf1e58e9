import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type {
  AnyAuthMethod,
  AuthHandlerMiddleware,
  ParsedKey,
  SignCallback,
  SigningRequestOptions,
} from 'ssh2';
import ssh2 from 'ssh2';
import type { Secret } from '../../base/values/secret.ts';
import type { AskPassphrase } from '../types.ts';
import { LockedKey, publicKeyOf } from './locked-key.ts';
import type { Target } from './target.ts';

const { BaseAgent, createAgent, utils } = ssh2;

interface Credentials {
  readonly passphrase?: Secret | undefined;
  readonly password?: Secret | undefined;
  readonly askPassphrase?: AskPassphrase | undefined;
  /** Lets the clock of the login stand still while a person types. */
  readonly aside: <T>(work: () => Promise<T>) => Promise<T>;
}

interface Attempt {
  readonly label: string;
  readonly method: AnyAuthMethod;
}

/** What is offered to a host, in order, and what became of it: sshd itself says nothing but no. */
export class Authentication {
  readonly #target: Target;
  readonly #credentials: Credentials;
  readonly #attempts: AsyncGenerator<Attempt>;
  readonly #offered = new Set<string>();
  readonly #tried: string[] = [];
  readonly #locked = new Map<string, LockedKey>();
  #accepts: readonly string[] = [];

  constructor(target: Target, credentials: Credentials) {
    this.#target = target;
    this.#credentials = credentials;
    this.#attempts = this.#inOrder();
  }

  /** For messages: each with what came of it. */
  get tried(): readonly string[] {
    const locked = [...this.#locked].filter(([, { unopened }]) => unopened);
    return [...this.#tried, ...locked.map(([file]) => `${file}: no passphrase opened it`)];
  }

  /** The methods that the host named. */
  get accepts(): readonly string[] {
    return this.#accepts;
  }

  /** ssh2 asks here for the next method, at first and after each refusal. */
  readonly handler: AuthHandlerMiddleware = (accepts, _partial, next) => {
    // At first the host has not said yet what it takes.
    if (Array.isArray(accepts)) this.#accepts = accepts;
    void this.#next().then(
      (method) => next(method ?? NO_MORE),
      (error: unknown) => {
        this.#tried.push(`nothing further: ${error instanceof Error ? error.message : String(error)}`);
        next(NO_MORE);
      },
    );
  };

  async #next(): Promise<AnyAuthMethod | undefined> {
    for (;;) {
      const { value, done } = await this.#attempts.next();
      if (done) return undefined;
      const type = value.method.type === 'agent' ? 'publickey' : value.method.type;
      if (this.#accepts.length > 0 && !this.#accepts.includes(type)) continue;
      this.#tried.push(value.label);
      return value.method;
    }
  }

  async *#inOrder(): AsyncGenerator<Attempt> {
    const username = this.#target.user;
    for (const file of this.#target.identityFiles) yield* this.#keyOf(file, true);
    yield* this.#agent();
    for (const file of this.#target.defaultIdentityFiles) yield* this.#keyOf(file, false);
    // Last of the keys: an agent may hold the same, and asks nobody.
    for (const [file, locked] of this.#locked) yield* this.#lockedKey(file, locked);
    const { password } = this.#credentials;
    if (password === undefined) return;
    yield { label: 'the password', method: { type: 'password', username, password: password.reveal() } };
    yield {
      label: 'the password (keyboard-interactive)',
      method: {
        type: 'keyboard-interactive',
        username,
        prompt: (_name, _instructions, _language, prompts, finish) => {
          finish(prompts.map(() => password.reveal()));
        },
      },
    };
  }

  async *#keyOf(file: string, told: boolean): AsyncGenerator<Attempt> {
    const text = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      if (told || error.code !== 'ENOENT')
        this.#tried.push(`${file}: cannot be read (${error.code ?? error.message})`);
      return undefined;
    });
    if (text === undefined) return;
    const key = parseKey(text, this.#credentials.passphrase);
    const { askPassphrase: ask, aside } = this.#credentials;
    if (key instanceof Error && isLocked(key) && ask !== undefined) {
      const locked = await LockedKey.of(file, text, { ask, aside });
      if (locked !== undefined) {
        this.#locked.set(file, locked);
        return;
      }
    }
    if (key instanceof Error) {
      this.#tried.push(`${file}: ${keyProblem(key, this.#credentials.passphrase !== undefined)}`);
      return;
    }
    const id = key.getPublicSSH().toString('base64');
    if (this.#offered.has(id)) return;
    this.#offered.add(id);
    yield { label: `${file} (${key.type})`, method: { type: 'publickey', username: this.#target.user, key } };
  }

  *#lockedKey(file: string, locked: LockedKey): Generator<Attempt> {
    const id = publicId(locked.publicKey);
    if (this.#offered.has(id)) return;
    this.#offered.add(id);
    yield {
      label: `${file} (${locked.publicKey.type}, encrypted)`,
      method: { type: 'agent', username: this.#target.user, agent: locked },
    };
  }

  async *#agent(): AsyncGenerator<Attempt> {
    const socket = this.#target.agentSocket;
    if (socket === undefined || socket === '') return;
    const agent = createAgent(socket);
    const keys = await identitiesOf(agent).catch((error: Error) => {
      this.#tried.push(`the agent at ${socket}: ${error.message}`);
      return [];
    });
    // A key that was refused once would only use up one more of sshd's MaxAuthTries.
    const fresh = await this.#inAgentOrder(keys.filter((key) => !this.#offered.has(publicId(key))));
    if (fresh.length === 0) return;
    for (const key of fresh) this.#offered.add(publicId(key));
    yield {
      label: `${fresh.length} key${fresh.length === 1 ? '' : 's'} of the agent at ${socket}`,
      method: { type: 'agent', username: this.#target.user, agent: new SomeOfAgent(agent, fresh) },
    };
  }

  /** As the OpenSSH client offers them: those that a file names come first, or alone (`IdentitiesOnly`). */
  async #inAgentOrder(keys: readonly PublicKey[]): Promise<PublicKey[]> {
    const { identityFiles, defaultIdentityFiles, identitiesOnly } = this.#target;
    const named = await Promise.all([...identityFiles, ...defaultIdentityFiles].map(publicKeyOf));
    const ids = new Set(named.flatMap((key) => (key === undefined ? [] : [publicId(key)])));
    const first = keys.filter((key) => ids.has(publicId(key)));
    return identitiesOnly ? first : [...first, ...keys.filter((key) => !ids.has(publicId(key)))];
  }
}

// The types of ssh2 do not know that `false` ends the offers.
const NO_MORE = false as unknown as AnyAuthMethod;

type Agent = ReturnType<typeof createAgent>;
type PublicKey = ParsedKey | Buffer | string;

function publicId(key: PublicKey): string {
  const parsed = utils.parseKey(typeof key === 'string' || Buffer.isBuffer(key) ? key : key.getPublicSSH());
  if (parsed instanceof Error) return '';
  return parsed.getPublicSSH().toString('base64');
}

function identitiesOf(agent: Agent): Promise<PublicKey[]> {
  return new Promise((resolve, reject) => {
    agent.getIdentities((error, keys) => {
      if (error) reject(error);
      else resolve([...(keys ?? [])] as PublicKey[]);
    });
  });
}

/** An agent of which only some keys are offered. */
class SomeOfAgent extends BaseAgent<PublicKey> {
  readonly #agent: Agent;
  readonly #keys: PublicKey[];

  constructor(agent: Agent, keys: PublicKey[]) {
    super();
    this.#agent = agent;
    this.#keys = keys;
  }

  override getIdentities(callback: (error?: Error | null, keys?: PublicKey[]) => void): void {
    callback(null, this.#keys);
  }

  override sign(
    key: PublicKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}

/**
 * Parsed keys by their text and passphrase: twenty hosts share a key, and opening an encrypted one takes a third of a
 * second of pure computing. Not state: the same text always gives the same key.
 */
const parsed = new Map<string, ParsedKey | Error>();

function parseKey(text: Buffer, passphrase: Secret | undefined): ParsedKey | Error {
  const id = createHash('sha256')
    .update(text)
    .update('\0')
    .update(passphrase?.reveal() ?? '')
    .digest('base64');
  const known = parsed.get(id);
  if (known !== undefined) return known;
  const result: unknown = utils.parseKey(text, passphrase?.reveal());
  const key = (Array.isArray(result) ? result[0] : result) as ParsedKey | Error;
  const usable = key instanceof Error || key.isPrivateKey() ? key : new Error('it holds no private key');
  parsed.set(id, usable);
  return usable;
}

/** ssh2 tells this case apart only by its text. */
const isLocked = (error: Error): boolean => /no passphrase given/.test(error.message);

function keyProblem(error: Error, passphraseGiven: boolean): string {
  if (isLocked(error)) return 'encrypted, and no passphrase was given';
  if (passphraseGiven && /bad passphrase/.test(error.message)) return 'the passphrase does not open it';
  return error.message;
}
