import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ParsedKey, SignCallback, SigningRequestOptions } from 'ssh2';
import ssh2 from 'ssh2';
import type { AskPassphrase } from '../types.ts';

const { BaseAgent, utils } = ssh2;

/** As often as the OpenSSH client asks. */
const TRIES = 3;
const MAGIC = 'openssh-key-v1\0';

/** Private keys by their text: of a key that many hosts take a person is asked once. Nothing where none opened it. */
const opened = new Map<string, Promise<ParsedKey | undefined>>();

/** How a passphrase is asked for; `aside`: while somebody types, whoever is asked, no clock runs. */
interface Asking {
  readonly ask: AskPassphrase;
  readonly aside: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * An encrypted private key, offered by its public part: its passphrase is asked for only when a host would take the key,
 * as the OpenSSH client does it.
 */
export class LockedKey extends BaseAgent<ParsedKey> {
  readonly publicKey: ParsedKey;
  readonly #open: () => Promise<ParsedKey | undefined>;

  private constructor(publicKey: ParsedKey, open: () => Promise<ParsedKey | undefined>) {
    super();
    this.publicKey = publicKey;
    this.#open = open;
  }

  /** Nothing where its public part is not known: it is neither in the file nor in one beside it (`.pub`). */
  static async of(file: string, text: Buffer, { ask, aside }: Asking): Promise<LockedKey | undefined> {
    const publicKey = publicPart(text) ?? (await besideIt(file));
    return publicKey === undefined
      ? undefined
      : new LockedKey(publicKey, () => aside(() => open(file, text, ask)));
  }

  /** It was asked for, and nobody gave the passphrase. */
  unopened = false;

  override getIdentities(callback: (error?: Error | null, keys?: ParsedKey[]) => void): void {
    callback(null, [this.publicKey]);
  }

  override sign(
    _key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    const callback = typeof options === 'function' ? options : done;
    const hash = typeof options === 'function' ? undefined : options.hash;
    this.#open().then(
      (key) => {
        this.unopened = key === undefined;
        if (key === undefined) return callback?.(new Error('the key was not opened'));
        // ssh2 gives an Error in the place of a signature.
        const signature: unknown = key.sign(data, hash);
        if (signature instanceof Error) callback?.(signature);
        else callback?.(null, signature as Buffer);
      },
      (error: Error) => callback?.(error),
    );
  }
}

/** The public part of a key by its file, which may hold no more than that, or not be there: an agent has it then. */
export async function publicKeyOf(file: string): Promise<ParsedKey | undefined> {
  const text = await readFile(file).catch(() => undefined);
  return (text === undefined ? undefined : publicPart(text)) ?? parsed(text) ?? besideIt(file);
}

async function besideIt(file: string): Promise<ParsedKey | undefined> {
  return parsed(await readFile(`${file}.pub`).catch(() => undefined));
}

function open(file: string, text: Buffer, ask: AskPassphrase): Promise<ParsedKey | undefined> {
  const id = createHash('sha256').update(text).digest('base64');
  const known = opened.get(id) ?? askFor(file, text, ask);
  opened.set(id, known);
  return known;
}

async function askFor(file: string, text: Buffer, ask: AskPassphrase): Promise<ParsedKey | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const passphrase = await ask(file, tries > 0);
    if (passphrase === undefined) return undefined;
    const key = parsed(text, passphrase.reveal());
    if (key?.isPrivateKey()) return key;
  }
  return undefined;
}

function parsed(text: Buffer | string | undefined, passphrase?: string): ParsedKey | undefined {
  if (text === undefined) return undefined;
  const result: unknown = utils.parseKey(text, passphrase);
  const key = (Array.isArray(result) ? result[0] : result) as ParsedKey | Error;
  return key instanceof Error ? undefined : key;
}

/** Of OpenSSH's own format, in which it stands in clear before what is encrypted (PROTOCOL.key). */
function publicPart(text: Buffer): ParsedKey | undefined {
  const armoured = /-BEGIN OPENSSH PRIVATE KEY-+([\s\S]*?)-+END/.exec(text.toString('latin1'))?.[1];
  if (armoured === undefined) return undefined;
  const bytes = Buffer.from(armoured, 'base64');
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  try {
    let at = MAGIC.length;
    // Cipher, key derivation, its options; then how many keys there are, and the first public one.
    for (let passedOver = 0; passedOver < 3; passedOver++) at += 4 + bytes.readUInt32BE(at);
    const blob = stringAt(bytes, at + 4);
    return parsed(`${stringAt(blob, 0).toString('latin1')} ${blob.toString('base64')}`);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function stringAt(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at));
}
