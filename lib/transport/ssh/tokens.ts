import { hostname } from 'node:os';
import { ownUser } from '../../base/values/own-user.ts';

export interface TokenValues {
  /** The name that was asked for. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly alias: string | undefined;
  readonly home: string;
}

/** A path of ssh_config(5) with its TOKENS and environment variables filled in: `ssh -G` prints some as they are written. */
export function withTokens(path: string, values: TokenValues): string {
  return tokensIn(path, values).replace(
    /\$\{(\w+)\}/g,
    (token, variable: string) => process.env[variable] ?? token,
  );
}

/** A text of ssh_config(5) with its TOKENS filled in; `more` are those that its keyword has beside the usual ones. */
export function tokensIn(
  text: string,
  { name, host, port, user, alias, home }: TokenValues,
  more: Readonly<Record<string, string>> = {},
): string {
  const values: Readonly<Record<string, () => string>> = {
    '%': () => '%',
    d: () => home,
    h: () => host,
    i: () => String(process.getuid?.()),
    k: () => alias ?? name,
    L: () => hostname().replace(/\..*/, ''),
    l: () => hostname(),
    n: () => name,
    p: () => String(port),
    r: () => user,
    u: ownUser,
  };
  return text.replace(/%(.)/g, (token, letter: string) => more[letter] ?? values[letter]?.() ?? token);
}
