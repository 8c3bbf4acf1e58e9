import type { ReportPart } from '../../contract/script-report.ts';

/** A file that holds a secret. */
export interface SecretFile {
  readonly path: string;
  readonly owner: string;
  /** Permission bits. */
  readonly mode: number;
}

/** Files of a host that hold secrets, and those of which nobody could tell who may read them. */
export interface SecretFiles {
  readonly secrets: readonly SecretFile[];
  readonly secretsUnseen: readonly string[];
}

/**
 * The function `secret_file PATH` of sh, for behind `PRESENCE`: who may read a file, or that it could not be told. Of a file
 * that is not there nothing is printed, nor of one below a directory that others may not enter.
 */
export const SECRET_FILE = `
shut_in() {
  up=$(readlink -f -- "$1") || return 1
  while up=\${up%/*} && [ -n "$up" ]; do
    case $(stat -c %a -- "$up" 2>/dev/null) in *[0246]) return 0 ;; esac
  done
  return 1
}
secret_file() {
  presence "$1" 2>/dev/null; case $? in 1) return ;; 2) echo "@secret-unseen $1"; return ;; esac
  ! shut_in "$1" || return 0
  stat -L -c '@secret %a %U %n' -- "$1" 2>/dev/null || echo "@secret-unseen $1"
}`;

export function secretFiles(parts: readonly ReportPart[]): SecretFiles {
  const all = (kind: string): readonly string[] =>
    parts.flatMap((part) => (part.kind === kind ? [part.rest] : []));
  return { secrets: all('secret').flatMap(secretFile), secretsUnseen: all('secret-unseen') };
}

function secretFile(told: string): readonly SecretFile[] {
  const match = /^([0-7]+) (\S+) (.+)$/.exec(told);
  if (match === null) return [];
  const [, mode = '', owner = '', path = ''] = match;
  return [{ path, owner, mode: Number.parseInt(mode, 8) }];
}
