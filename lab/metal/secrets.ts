import { randomBytes } from 'node:crypto';

/** Passwords of a lab with systemd. Those of the database hold what careless quoting trips over. */
export interface MetalSecrets {
  readonly superuser: string;
  readonly replicator: string;
  readonly rewind: string;
  readonly barman: string;
  readonly rest: string;
  /** The login password of deploy, which sudo asks for on one host. */
  readonly sudo: string;
}

export function newSecrets(): MetalSecrets {
  const hard = (name: string) => `${name} it's "a" \\ pass:word #${randomBytes(6).toString('base64url')}`;
  return {
    superuser: hard('super'),
    replicator: hard('repl'),
    rewind: hard('rewind'),
    barman: hard('barman'),
    rest: hard('rest'),
    sudo: `sudo it's $HOME "\\${randomBytes(6).toString('base64url')}`,
  };
}
