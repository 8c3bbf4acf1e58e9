import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where runs are kept: `$PITR_STATE_DIR`, else `$XDG_STATE_HOME/pitr`, else `~/.local/state/pitr`. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env.PITR_STATE_DIR !== undefined && env.PITR_STATE_DIR !== '') return env.PITR_STATE_DIR;
  if (env.XDG_STATE_HOME !== undefined && env.XDG_STATE_HOME !== '') return join(env.XDG_STATE_HOME, 'pitr');
  return join(homedir(), '.local', 'state', 'pitr');
}

export function journalPath(runId: string, directory: string = stateDirectory()): string {
  return join(directory, 'runs', runId, 'journal.jsonl');
}

/** A run's id: sorts by time and is fit for file names, `20261122T144512-7f3a`. */
export function newRunId(now: Date = new Date()): string {
  const stamp = now
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, '');
  return `${stamp}-${randomBytes(2).toString('hex')}`;
}
