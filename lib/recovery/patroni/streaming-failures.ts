import { PitrError } from '../../base/errors/pitr-error.ts';
import type { DataProof } from './same-data.ts';
import { looksHealthy, type StreamingFacts, type StreamingFlaw, streamingVerdict } from './streaming.ts';

export function otherData(host: string, member: string, leader: string, { differs }: DataProof): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'other-data',
    message: `${member} streams from ${leader}, and yet it does not hold the data of ${leader}`,
    details: [
      ...differs,
      'Timeline, system identifier and lag are those of a healthy member: it would give wrong answers, and lose rows as a leader.',
    ],
    host,
    next: [
      `Stop Patroni on ${member}, move its data aside, and let it be copied anew: pitr play rejoin.yml -e target=${leader}`,
    ],
  });
}

export function notCompared(
  host: string,
  member: string,
  leader: string,
  { same, untold }: DataProof,
): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'data-not-compared',
    message: `${member} streams from ${leader}; whether it holds the data of ${leader} cannot be told`,
    details: [...untold, ...(same.length === 0 ? [] : [`The same are: ${same.join('; ')}.`])],
    host,
    next: [
      `${leader} must be a host of the inventory under its name in Patroni, and its PostgreSQL must run as the same user as here.`,
    ],
  });
}

export function brokenOffWords(times: number): string {
  return `Its copy has broken off ${times} times.`;
}

/** Whether a member was not proved because its copy breaks off again and again. */
export function breaksOff({ details }: PitrError): boolean {
  return details.some((line) => /^Its copy has broken off \d+ times\.$/.test(line));
}

/** What a member that is not proved to stream fails with, by what its flaws prove. `why`: what ended the wait. */
export function unproved(
  host: string,
  facts: StreamingFacts,
  flaws: readonly StreamingFlaw[],
  why: string,
): PitrError {
  const { name } = facts;
  const words = flaws.map((flaw) => flaw.words).join('; ');
  switch (streamingVerdict(flaws)) {
    case 'leads':
      return new PitrError({
        kind: 'failed',
        code: 'member-leads',
        message: `${name} does not follow, it leads: ${words}`,
        details: [why],
        host,
        next: ['See who leads: pitr status'],
      });
    case 'leaderless':
      return new PitrError({
        kind: 'failed',
        code: 'no-leader',
        message: `the cluster has no leader that ${name} could follow: ${words}`,
        details: [why],
        host,
        next: ['See why nobody leads: pitr status'],
      });
    case 'paused':
      return new PitrError({
        kind: 'failed',
        code: 'replay-paused',
        message: `${name} receives what the leader writes, and does not replay it: ${words}`,
        details: [why, 'It serves data that does not change any more for as long as that lasts.'],
        host,
        next: [
          `See why, in PostgreSQL's log on ${name}; where a person has paused it, there: select pg_wal_replay_resume()`,
        ],
      });
    case 'unknown':
      return untold(host, facts, words, why);
    case 'not':
      return notStreaming(host, facts, words, why);
  }
}

/** Nothing that was seen speaks against the member: it may be a healthy one. */
function untold(host: string, { name, leader, listed }: StreamingFacts, words: string, why: string) {
  const asked = [listed?.apiUrl, leader?.apiUrl].flatMap((url) =>
    url === undefined ? [] : [`curl -s ${url}/patroni`],
  );
  return new PitrError({
    kind: 'failed',
    code: 'streaming-unknown',
    message: `whether ${name} follows ${leader?.name ?? 'a leader'} cannot be told: ${words}`,
    details: [why, 'It may be a healthy member: nothing that was seen speaks against it.'],
    host,
    next: [
      `Let Patroni's REST API of both answer on ${name}, asked with curl, and its PostgreSQL let pitr in${asked.length === 0 ? '.' : `: ${asked.join(' ; ')}`}`,
      `Where it is known to be broken, stop Patroni on ${name}; then it is copied anew: pitr play rejoin.yml -e target=${leader?.name ?? 'LEADER'}`,
    ],
  });
}

function notStreaming(host: string, facts: StreamingFacts, words: string, why: string): PitrError {
  const { name, leader, listed } = facts;
  return new PitrError({
    kind: 'failed',
    code: 'not-streaming',
    message: `${name} is not a streaming replica of ${leader?.name ?? 'any leader'}: ${words}`,
    details: [
      why,
      ...(listed === undefined
        ? []
        : [`Patroni lists it as ${listed.role}, ${listed.state}, timeline ${listed.timeline ?? 'unknown'}.`]),
      ...(looksHealthy(facts)
        ? ['It looks healthy in that list and is not: it serves data that does not change any more.']
        : []),
    ],
    host,
    next: [
      `Look into Patroni's log on ${name}: it says why a copy fails.`,
      `Copy it anew from the leader: pitr play rejoin.yml -e target=${leader?.name ?? 'LEADER'}`,
    ],
  });
}
