import { PitrError } from '../../base/errors/pitr-error.ts';
import { until } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import { type ClusterState, readCluster } from './cluster-resource.ts';
import { type PatroniAccess, SILENCE } from './rest.ts';

/** Patroni as a change needs it: plain data for the journal. */
export interface PatroniTarget extends PatroniAccess {
  readonly config: string;
  readonly port: number;
}

export async function patronictl(
  host: WriteHost,
  target: PatroniTarget,
  words: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<RunResult> {
  return host.run(['patronictl', '-c', target.config, ...words], { timeoutMs, signal, ownChannel: true });
}

/**
 * Pauses automatic failover, or resumes it, and proves that the nodes know. Throws kind `failed`
 * (`pause-not-effective`).
 */
export async function setPaused(
  host: WriteHost,
  target: PatroniTarget & { readonly cluster: string },
  paused: boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  if ((await readCluster(host, target)).paused === paused) return;
  const word = paused ? 'pause' : 'resume';
  const asked = await patronictl(host, target, [word, target.cluster, '--wait'], timeoutMs, signal);
  await until(() => readCluster(host, target), {
    everyMs: 500,
    deadlineMs: timeoutMs,
    signal,
    done: (seen) => seen.paused === paused,
    passing: SILENCE,
    late: (seen) => notEffective(host.name, word, seen, asked),
  });
}

function notEffective(host: string, word: string, seen: ClusterState, asked: RunResult): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'pause-not-effective',
    message: `the cluster was told to ${word}, but says that it is ${seen.paused === true ? 'paused' : 'not paused'}`,
    host,
    evidence: evidenceOf(asked),
    next: ['patronictl list shows the state; is the DCS writable?'],
  });
}

/** The cluster's name, which commands that write must be given. */
export function clusterName(state: ClusterState, access: PatroniAccess, host: string): string {
  const name = state.cluster ?? access.cluster;
  if (name !== undefined) return name;
  throw new PitrError({
    kind: 'failed',
    code: 'cluster-name-unknown',
    message: 'nobody tells the name of the Patroni cluster',
    host,
    next: ['Set patroni_cluster in the inventory.'],
  });
}
