import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { database } from '../../lab/shop.ts';
import { containerName } from '../../lab/topology.ts';

/** A write that a node has said to be committed. Times are epoch seconds of the writer's host. */
export interface Acknowledged {
  readonly node: string;
  readonly seq: number;
  readonly sent: number;
  readonly acked: number;
}

/**
 * Hammers every node with writes, from Barman's host, until it is stopped; then says what was acknowledged. It is at work
 * when this resolves, unless nobody can write now.
 */
export async function startWriter(
  lab: Lab,
  { somebodyServes = true }: { readonly somebodyServes?: boolean } = {},
): Promise<{ stop(): Promise<readonly Acknowledged[]> }> {
  const script = await readFile(join(import.meta.dirname, 'writer.py'), 'utf8');
  const { postgresPort, members } = lab.shape;
  const words = ['python3', '-c', script, database, 'barman', String(postgresPort), ...members];
  const container = containerName(lab.prefix, 'barman');
  const child = spawn('docker', ['exec', '-i', '-u', 'barman', container, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const out: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  const closed = once(child, 'close');
  if (somebodyServes) await once(child.stdout, 'data');
  return {
    stop: async () => {
      child.stdin.end();
      await closed;
      return Buffer.concat(out)
        .toString()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Acknowledged);
    },
  };
}
