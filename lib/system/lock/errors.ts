import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatDuration } from '../../base/wait/duration.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import type { Claim } from './claim.ts';

/** What is known of a lock that somebody else has, for messages. Times are seconds of the host's clock. */
export interface Found {
  readonly name: string;
  readonly host: string;
  readonly claim: Claim | undefined;
  readonly now: number;
  readonly written: number | undefined;
  readonly heard: number | undefined;
}

export function lockNotRead(name: string, host: string, result: RunResult): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'lock-not-read',
    message: `the lock "${name}" cannot be looked at`,
    host,
    evidence: { ...evidenceOf(result), command: 'sh -c ... (lib/system/lock/scripts.ts)' },
  });
}

export function lockPlaceFlawed(name: string, host: string, flaw: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'lock-place',
    message: `the lock "${name}" cannot be kept: ${flaw}`,
    host,
    next: ['Put that in order; docs/lock.md says where locks lie and what must be true of the place.'],
  });
}

/** Another run is at work: its process answers, or has answered within the lease. */
export function locked(found: Found): PitrError {
  const { name, host, claim } = found;
  return new PitrError({
    kind: 'refused',
    code: 'locked',
    message:
      claim === undefined
        ? `another run holds the lock "${name}"`
        : `another run holds the lock "${name}": run ${claim.run} of ${claim.owner}, for ${age(found.now, found.written)}`,
    details: [
      ...purposeOf(claim),
      `Proved: a process on ${host} holds the kernel's lock, and was last heard of ${age(found.now, found.heard)} ago.`,
    ],
    host,
    next: [
      'Wait until it has ended.',
      'Where its pitr is dead, the lock ends by itself within seconds: try once more, and you are told what it left.',
    ],
  });
}

/** A run has left something, and nobody holds its lock. */
export function unfinished(found: Found & { readonly claim: Claim }): PitrError {
  const { name, host, claim, now, written, heard } = found;
  if (claim.state === 'waiting') return waiting({ ...found, claim });
  const how =
    claim.state === 'working'
      ? `did not say that it ended, and was last heard of ${age(now, heard)} ago`
      : `${claim.ended === 'partly undone' ? 'was only partly undone' : claim.ended === 'interrupted' ? 'was interrupted' : 'failed'} ${age(now, written)} ago`;
  return new PitrError({
    kind: 'refused',
    code: 'run-unfinished',
    message: `run ${claim.run} of ${claim.owner} ${how}, and what it began is not settled`,
    details: [...purposeOf(claim), freed(name, host), ...aboutOf(claim)],
    host,
    result: { run: claim.run },
    next: [
      `Go on with it, where its journal is: pitr resume ${claim.run}`,
      `Take it back, where its journal is: pitr undo ${claim.run}`,
      `Or, when you know that nothing of it stands in the way: run this again with -e break_lock=${claim.run}`,
    ],
  });
}

function waiting({ name, host, claim, now, written }: Found & { readonly claim: Claim }): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'recovery-waiting',
    message: `run ${claim.run} of ${claim.owner} ended well ${age(now, written)} ago, and what it made waits for a decision`,
    details: [...purposeOf(claim), freed(name, host), ...aboutOf(claim)],
    host,
    result: { run: claim.run },
    next: [
      ...claim.ways,
      `Take it back, where its journal is: pitr undo ${claim.run}`,
      `Or, when you know that nothing of it stands in the way: run this again with -e break_lock=${claim.run}`,
    ],
  });
}

/** `break_lock` names another run than the one whose claim is there. */
export function breaksAnother(found: Found & { readonly claim: Claim }, wanted: string): PitrError {
  const shown = unfinished(found);
  return new PitrError({
    kind: 'refused',
    code: 'break-wrong-run',
    message: `the lock "${found.name}" is that of run ${found.claim.run}, not of "${wanted}", which was to be broken`,
    details: [shown.message, ...shown.details],
    host: found.host,
    result: { run: found.claim.run },
    // As of a run that is unfinished: go on with pitr resume {run}, or take it back with pitr undo {run}, or run this
    // again with -e break_lock={run}
    next: shown.next,
  });
}

/** The run can no longer prove that it holds the lock. */
export function lockLost(name: string, host: string, why: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'lock-lost',
    message: `the lock "${name}" is lost, so no further change was begun: ${why}`,
    details: [
      'Its claim stays on the host: no other run can begin before this one is resumed, undone or broken on purpose.',
    ],
    host,
    next: [
      `When ${host} answers again, go on with the run, or take it back: pitr runs`,
      `Where no member serves and ${host} stays away: docs/lock.md, "When the Barman host is gone".`,
    ],
  });
}

export function lockNotWritten(name: string, host: string, why: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'lock-not-written',
    message: `the claim of the lock "${name}" cannot be written`,
    host,
    ...(why.trim() === ''
      ? {}
      : { evidence: { command: 'mv ... (lib/system/lock/scripts.ts)', stderr: why.trim() } }),
    next: ['See that its directory has space and can be written: docs/lock.md says where it is.'],
  });
}

function purposeOf(claim: Claim | undefined): string[] {
  return claim === undefined || claim.purpose === '' ? [] : [`What it is for: ${claim.purpose}`];
}

function aboutOf({ about }: Claim): string[] {
  return about.length === 0 ? [] : [`It is about what run ${about.join(' and ')} left.`];
}

function freed(name: string, host: string): string {
  return `Proved: no process on ${host} holds the kernel's lock "${name}", so the pitr of that run is not at work.`;
}

function age(now: number, then: number | undefined): string {
  return then === undefined ? 'an unknown time' : formatDuration(Math.max(1, now - then) * 1000);
}
