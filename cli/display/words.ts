import type { PitrEvent, RunMode, TaskStatus } from '../../lib/engine/events/events.ts';
import type { Paint } from './paint.ts';

export type HostResult = Extract<PitrEvent, { type: 'host.result' }>;

const WORDS: Readonly<Record<TaskStatus, string>> = {
  ok: 'ok',
  changed: 'changed',
  skipped: 'skipped',
  failed: 'failed',
  unreachable: 'unreachable',
  unknown: '?',
};

/** The word for a status: in check mode nothing has changed, it would. */
export function statusWord(status: TaskStatus, mode: RunMode): string {
  return status === 'changed' && mode !== 'run' ? 'would change' : WORDS[status];
}

/** The colour of a status. */
export function statusPaint(status: TaskStatus, paint: Paint): (text: string) => string {
  switch (status) {
    case 'ok':
      return paint.ok;
    case 'changed':
      return paint.changed;
    case 'failed':
    case 'unreachable':
      return paint.failed;
    case 'unknown':
      return paint.unknown;
    case 'skipped':
      return paint.quiet;
  }
}

/** `db2`, or `db2 -> barman` where the task was delegated; of what failed, the error names the host it was done on. */
export function hostWord({ host, delegatedTo, error }: HostResult): string {
  const place = delegatedTo ?? error?.host ?? host;
  return place === host ? host : `${host} -> ${place}`;
}
