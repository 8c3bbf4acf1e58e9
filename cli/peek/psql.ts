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
  [['-o', '-L', '--log-file'], 'it would write a file on the node; redirect the output here: > file'],
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
    const name = optionOf(word);
    refuse(word, name);
    if (
      ['-c', '--command', '-l', '--list', '-V', '--version', '-?'].includes(name) ||
      isCombinedCommand(word)
    )
      batch = true;
    if (name !== '-f' && name !== '--file') {
      args.push(word);
      if (PSQL_VALUED.includes(word) && i + 1 < words.length) args.push(words[++i] ?? '');
      continue;
    }
    batch = true;
    const path = attachedValue(word, name) ?? words[++i];
    if (path === undefined) throw usageError('option-needs-value', `${name} needs a file`);
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

/** `-f` of `-fx`, `--file` of `--file=x`; other words as they are. */
function optionOf(word: string): string {
  if (word.startsWith('--')) return word.split('=')[0] ?? word;
  return word.startsWith('-') && word.length > 2 && PSQL_VALUED.includes(word.slice(0, 2))
    ? word.slice(0, 2)
    : word;
}

function attachedValue(word: string, name: string): string | undefined {
  if (word === name) return undefined;
  return word.startsWith('--') ? word.slice(name.length + 1) : word.slice(2);
}

/** `-Atc`: flags, and a command in the next word. */
function isCombinedCommand(word: string): boolean {
  return (
    /^-[A-Za-z0-9]+$/.test(word) && /[cl]/.test(word.slice(1)) && !PSQL_VALUED.includes(word.slice(0, 2))
  );
}

function refuse(word: string, name: string): void {
  for (const [options, why] of REFUSED) {
    if (options.includes(name))
      throw usageError('psql-option-refused', `${name} has no place here: ${why}`, {
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
