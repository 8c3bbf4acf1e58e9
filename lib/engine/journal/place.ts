import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve, sep } from 'node:path';

const JOURNAL = 'journal.jsonl';

/** Where runs are kept: `$PITR_STATE_DIR`, else `$XDG_STATE_HOME/pitr`, else `~/.local/state/pitr`. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env.PITR_STATE_DIR !== undefined && env.PITR_STATE_DIR !== '') return env.PITR_STATE_DIR;
  if (env.XDG_STATE_HOME !== undefined && env.XDG_STATE_HOME !== '') return join(env.XDG_STATE_HOME, 'pitr');
  return join(homedir(), '.local', 'state', 'pitr');
}

export function journalPath(runId: string, directory: string = stateDirectory()): string {
  return join(directory, 'runs', runId, JOURNAL);
}

/**
 * The journal that an operator names: a run's id, or the path of a journal or of a run's directory, wherever it was
 * copied to. It need not exist.
 */
export function findJournal(reference: string, directory: string = stateDirectory()): string {
  const looksLikePath = reference.includes(sep) || reference.endsWith('.jsonl');
  if (!looksLikePath) {
    const kept = journalPath(reference, directory);
    if (existsSync(kept) || !existsSync(join(reference, JOURNAL))) return kept;
  }
  const path = resolve(reference);
  return existsSync(path) && statSync(path).isDirectory() ? join(path, JOURNAL) : path;
}

/** A run's id: sorts by time and is fit for file names, `20261122T144512-7f3a`. */
export function newRunId(now: Date = new Date()): string {
  const stamp = now
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, '');
  return `${stamp}-${randomBytes(2).toString('hex')}`;
}
