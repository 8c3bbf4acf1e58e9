import { appendFileSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PitrError } from '../../base/errors/pitr-error.ts';
import { makeDirectory } from '../../base/files/make-directory.ts';
import {
  hostKeyChanged,
  hostKeyNotStored,
  hostKeyRevoked,
  hostKeysUnread,
  hostKeyUnknown,
  knownHostsCommandFailed,
} from './host-key-errors.ts';
import {
  type HostKeyAlgorithm,
  judge,
  KNOWN_HOSTS_COMMAND,
  type KnownKey,
  keyType,
  knownName,
  matchesHost,
  parseKnownHosts,
  preferredAlgorithms,
} from './known-hosts.ts';
import { type KnownHostsQuestion, knownBefore, knownOf } from './known-hosts-command.ts';
import { isRevoked } from './revoked-keys.ts';
import type { Target } from './target.ts';

/** Decides whether a host is the one it says it is. One for each attempt to connect. */
export class HostKeyCheck {
  readonly #target: Target;
  readonly #name: string;
  readonly #known: readonly KnownKey[];
  #refusal: PitrError | undefined;
  #accepted: Buffer | undefined;

  private constructor(target: Target, name: string, known: readonly KnownKey[]) {
    this.#target = target;
    this.#name = name;
    this.#known = known;
  }

  /**
   * Reads the known keys of the target. Files that are not there hold none; what one holds that cannot be read is not known, and
   * may be another key of the host, or a revocation.
   */
  static async of(target: Target): Promise<HostKeyCheck> {
    const name = target.hostKeyAlias?.toLowerCase() ?? knownName(target.host, target.port);
    const lists = await Promise.all(
      target.knownHostsFiles.map(async (file) => {
        const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return '';
          throw hostKeysUnread(target, file, error);
        });
        return parseKnownHosts(text, file).filter(({ hosts }) => matchesHost(hosts, name));
      }),
    );
    const check = new HostKeyCheck(target, name, lists.flat());
    const asked = check.#question;
    if (asked === undefined) return check;
    const printed = await knownBefore(asked).catch((error: unknown) => {
      throw knownHostsCommandFailed(target, asked.command, error);
    });
    return new HostKeyCheck(target, name, [...check.#known, ...check.#printed(printed)]);
  }

  get #question(): KnownHostsQuestion | undefined {
    const { knownHostsCommand: command, tokens } = this.#target;
    return command === undefined ? undefined : { command, tokens, name: this.#name };
  }

  #printed(text: string): readonly KnownKey[] {
    return parseKnownHosts(text, KNOWN_HOSTS_COMMAND).filter(({ hosts }) => matchesHost(hosts, this.#name));
  }

  get preferredAlgorithms(): readonly HostKeyAlgorithm[] {
    return preferredAlgorithms(this.#known);
  }

  /** Why the key was refused, if it was: ssh2 itself only says that it was. */
  get refusal(): PitrError | undefined {
    return this.#refusal;
  }

  /**
   * Whether to go on with a host that shows this key. Synchronous: ssh2 takes a promise for a yes, and what waits for its
   * callback does not outlive the next change of keys (RekeyLimit), in which the host is asked anew.
   */
  accepts(key: Buffer): boolean {
    if (this.#accepted?.equals(key)) return true;
    const accepted = !this.#revoked(key) && this.#judged(key);
    if (accepted) this.#accepted = Buffer.from(key);
    return accepted;
  }

  #revoked(key: Buffer): boolean {
    const file = this.#target.revokedKeysFile;
    if (file === undefined) return false;
    try {
      if (!isRevoked(file, key)) return false;
      this.#refusal = hostKeyRevoked(this.#target, key, file);
    } catch (error) {
      this.#refusal = hostKeysUnread(this.#target, file, error);
    }
    return true;
  }

  #judged(key: Buffer): boolean {
    const asked = this.#question;
    let known = this.#known;
    try {
      if (asked !== undefined) known = [...known, ...this.#printed(knownOf(asked, key))];
    } catch (error) {
      this.#refusal = knownHostsCommandFailed(this.#target, asked?.command ?? '', error);
      return false;
    }
    const verdict = judge(known, key);
    switch (verdict.kind) {
      case 'trusted':
        return true;
      case 'revoked':
        this.#refusal = hostKeyRevoked(this.#target, key, `${verdict.by.file}:${verdict.by.line}`);
        return false;
      case 'changed':
        this.#refusal = hostKeyChanged(this.#target, this.#name, key, verdict.known);
        return false;
      case 'unknown':
        if (this.#target.hostKeyChecking === 'accept-new') return this.#store(key);
        this.#refusal = hostKeyUnknown(
          this.#target,
          key,
          known.find(({ marker }) => marker === 'cert-authority'),
        );
        return false;
    }
  }

  #store(key: Buffer): boolean {
    const file = this.#target.knownHostsFiles[0];
    const line = `${this.#name} ${keyType(key)} ${key.toString('base64')}\n`;
    try {
      if (file === undefined) throw new Error('no known_hosts file is named');
      const present = readIfThere(file);
      // Two connections to a new host may both get here.
      if (present.includes(line)) return true;
      makeDirectory(dirname(file));
      appendFileSync(file, present === '' || present.endsWith('\n') ? line : `\n${line}`, { mode: 0o600 });
      return true;
    } catch (error) {
      this.#refusal = hostKeyNotStored(this.#target, file ?? '', error);
      return false;
    }
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
