import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { READ_COMMITTED } from '../../lib/recovery/postgres/sql.ts';
import { usageError } from '../usage-error.ts';
import type { Waiting } from './find.ts';

/** psql's options whose value is the next word. */
export const PSQL_VALUED = [
  ...['-c', '-d', '-f', '-L', '-o', '-v', '-F', '-P', '-R', '-T', '-h', '-p', '-U'],
  ...[
    '--command',
    '--dbname',
    '--file',
    '--log-file',
    '--output',
    '--set',
    '--variable',
    '--field-separator',
  ],
  ...['--pset', '--record-separator', '--table-attr', '--host', '--port', '--username'],
];

/** Options that would lead elsewhere, or write files on the node, with what to do instead. */
const REFUSED: readonly (readonly [options: readonly string[], why: string])[] = [
  [
    ['-h', '--host', '-p', '--port', '-U', '--username', '-W', '--password'],
    'pitr peek opens the isolated instance itself, by its private socket',
  ],
  [
    ['-o', '--output', '-L', '--log-file'],
    'it would write a file on the node; redirect the output here: > file',
  ],
];

export interface PsqlCall {
  readonly args: readonly string[];
  /** What psql reads instead of the operator's stdin: a file of this machine. */
  readonly script?: Uint8Array | undefined;
  /** psql is told what to do, and asks nobody. */
  readonly batch: boolean;
}

/**
 * The arguments as psql on the node must be given them: `-f` names a file of this machine, whose content goes there by
 * stdin. Throws kind `usage` for options that have no place here, `validation` for a file that cannot be read.
 */
export async function psqlCall(words: readonly string[], cwd: string): Promise<PsqlCall> {
  const args: string[] = [];
  let script: Uint8Array | undefined;
  let batch = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const option = optionOf(word);
    const { name, flags } = option;
    refuse(word, option);
    if (['-c', '--command', '--list', '--version'].includes(name) || /[lV?]/.test(flags)) batch = true;
    if (name !== '-f' && name !== '--file') {
      args.push(word);
      if (PSQL_VALUED.includes(name) && option.value === undefined && i + 1 < words.length)
        args.push(words[++i] ?? '');
      continue;
    }
    batch = true;
    const path = option.value ?? words[++i];
    if (path === undefined) throw usageError('option-needs-value', `${name} needs a file`);
    if (flags !== '') args.push(`-${flags}`);
    args.push('-f', '-');
    if (path === '-') continue;
    if (script !== undefined)
      throw usageError('psql-files', 'only one -f <file> can be handed to psql on the node', {
        next: ['Put them one behind the other: cat one.sql two.sql | pitr peek ... -f -'],
      });
    script = await contentOf(resolve(cwd, path));
  }
  return { args, script, batch };
}

interface Option {
  /** The one that has a value, or a long one; empty where there is none. */
  readonly name: string;
  /** Letters without a value. */
  readonly flags: string;
  /** As far as it stands in the same word. */
  readonly value?: string | undefined;
}

const LONG = [...PSQL_VALUED, '--password', '--list', '--version'].filter((name) => name.startsWith('--'));

/** As getopt reads a word: `-Atofile` are two letters, and `-o` with its value; a long option may be cut: `--out`. */
function optionOf(word: string): Option {
  if (word.startsWith('--')) {
    const [typed = word] = word.split('=');
    const meant = LONG.includes(typed) ? [typed] : LONG.filter((name) => name.startsWith(typed));
    const value = word === typed ? undefined : word.slice(typed.length + 1);
    return { name: meant.length === 1 ? (meant[0] ?? typed) : typed, flags: '', value };
  }
  if (!word.startsWith('-')) return { name: '', flags: '' };
  const at = [...word.slice(1)].findIndex((letter) => PSQL_VALUED.includes(`-${letter}`)) + 1;
  if (at === 0) return { name: '', flags: word.slice(1) };
  const value = word.length === at + 1 ? undefined : word.slice(at + 1);
  return { name: `-${word[at]}`, flags: word.slice(1, at), value };
}

function refuse(word: string, { name, flags }: Option): void {
  for (const [options, why] of REFUSED) {
    const found = [name, ...[...flags].map((letter) => `-${letter}`)].find((one) => options.includes(one));
    if (found !== undefined)
      throw usageError('psql-option-refused', `${found} has no place here: ${why}`, {
        details: [`typed: ${word}`],
      });
  }
}

async function contentOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new PitrError({
      kind: 'validation',
      code: 'psql-file-unreadable',
      message: `the file of -f cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      details: ['-f names a file of this machine; its content is handed to psql on the node.'],
      cause,
    });
  }
}

export interface PeekLimits {
  readonly statementMs: number;
  readonly lockMs: number;
}

/**
 * The environment of a session that only looks: writes are refused by the server, statements and waits for locks end
 * by themselves (what a paused recovery has replayed and not committed holds its locks).
 */
export function sessionEnvironment(waiting: Waiting, limits: PeekLimits): Readonly<Record<string, string>> {
  const settings = [
    'default_transaction_read_only=on',
    READ_COMMITTED,
    `statement_timeout=${limits.statementMs}`,
    `lock_timeout=${limits.lockMs}`,
  ];
  return {
    PGHOST: waiting.socketDirectory,
    PGPORT: String(waiting.port),
    PGUSER: waiting.user,
    PGDATABASE: 'postgres',
    PGAPPNAME: 'pitr-peek',
    PGOPTIONS: settings.map((setting) => `-c ${setting}`).join(' '),
    PGCONNECT_TIMEOUT: '10',
    PGCLIENTENCODING: 'UTF8',
  };
}
