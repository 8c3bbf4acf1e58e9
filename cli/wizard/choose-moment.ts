import { z } from 'zod';
import type { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { type LookAnswer, lookOnce } from '../../lib/engine/run/look.ts';
import { formatInstant } from '../../lib/recovery/wal/instant.ts';
import { parseInstant } from '../../lib/recovery/wal/parse-instant.ts';
import { momentLines } from '../recover/carry-out.ts';
import { gapLines, type Surroundings, timelineOf, withNodes } from '../recover/gap.ts';
import { type BesideArchives, lookBesideArchives } from '../recover/node-wal.ts';
import { readSite } from '../recover/nodes.ts';
import { gapQuestion } from '../recover/order.ts';
import { barmanHost } from '../well-known-hosts.ts';
import type { Backup } from './choose-backup.ts';
import { readCluster } from './choose-target.ts';
import { choose, type Prompt } from './prompt.ts';

export interface Moment {
  readonly targetTime: string;
  readonly acceptGap: boolean;
  /** Where more than one was alive then. */
  readonly timeline?: number | undefined;
}

const gapSchema = z.looseObject({
  missing: z.array(z.string()),
  reachable: z.looseObject({ to: z.string() }),
});
const walSchema = z.looseObject({ segments: z.number(), timeline: z.number() });

/** Asks for the moment until it is one that can be reached from the backup, by all WAL that lies on disk. */
export async function chooseMoment(
  prompt: Prompt,
  backup: Backup,
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<Moment> {
  prompt.say([
    '',
    'From this backup every moment can be reached:',
    ...backup.ranges.map(
      (range) =>
        `  of timeline ${range.timeline}: after ${range.from} and until ${range.to ?? '(nothing)'} (UTC)`,
    ),
    `Your zone is ${Intl.DateTimeFormat().resolvedOptions().timeZone}. A time needs its offset: 2026-01-23 12:29:59.5+00`,
  ]);
  for (;;) {
    const typed = await prompt.ask('Target time', 'latest');
    const targetTime = spelled(typed, prompt);
    if (targetTime === undefined) continue;
    const moment = await judged(prompt, backup, targetTime, request);
    if (moment !== undefined) return moment;
  }
}

/** The moment, if it is one; else it is said why not. */
async function judged(
  prompt: Prompt,
  backup: Backup,
  targetTime: string,
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<Moment | undefined> {
  let timeline = timelineOf(request.extraVars);
  let beside: BesideArchives | undefined;
  const ask = (unarchived: 'allow' | 'refuse') =>
    askWal(backup, targetTime, request, { unarchived, timeline, beside });
  const askOnOneTimeline = async () => {
    const answer = await ask('refuse');
    if (answer.error?.code !== 'timeline-ambiguous') return answer;
    timeline = await chooseTimeline(prompt, answer.error);
    return ask('refuse');
  };
  let wal = await askOnOneTimeline();
  if (wal.error?.code === 'wal-missing') {
    // What only nodes still have is archived by the recovery itself.
    beside = await lookBesideArchives(request);
    wal = await askOnOneTimeline();
  }
  const { error } = wal;
  if (error?.code === 'target-after-last-archived') {
    // What the living leader has not archived yet is archived by the recovery itself.
    const later = await ask('allow');
    const on = walSchema.safeParse(later.result).data?.timeline;
    if (on !== undefined && on === (await livingTimeline(request)))
      wal = (await whyNotYet(backup, targetTime, on, request, beside)) ?? later;
  }
  if (wal.error === undefined) {
    const { segments, timeline: on } = walSchema.parse(wal.result);
    prompt.say([
      ...(targetTime === 'latest' ? ['Target Time: latest, all that is archived'] : momentLines(targetTime)),
      `  on timeline ${on}; WAL: ${segments} segments, all on disk${beside === undefined ? '' : ', some only in pg_wal of a node: they are archived first'}`,
    ]);
    return { targetTime, acceptGap: false, timeline };
  }
  const gap = gapSchema.safeParse(wal.error.result).data;
  if (wal.error.code === 'wal-missing' && gap !== undefined) {
    const known = await withNodes({ missing: gap.missing, until: gap.reachable.to }, request);
    prompt.say(['', ...gapLines(known, { targetTime }, request), '']);
    return (await prompt.confirm(gapQuestion(known.until).text))
      ? { targetTime, acceptGap: true, timeline }
      : undefined;
  }
  // What is wrong with the moment can be mended here; what is wrong with hosts cannot.
  if (wal.error.kind !== 'refused' && wal.error.kind !== 'validation') throw wal.error;
  tellProblem(wal.error, prompt);
  return undefined;
}

/** Why a moment that no archive has yet cannot be reached, by the clock of Barman's host: the one here may be wrong. */
async function whyNotYet(
  { id, server }: Backup,
  target: string,
  timeline: number,
  request: Surroundings & { readonly signal: AbortSignal },
  beside: BesideArchives | undefined,
): Promise<Pick<LookAnswer, 'result' | 'error'> | undefined> {
  const params = {
    ...beside,
    backup: { id, server },
    target,
    timeline,
    marker: true,
    leader_timeline: timeline,
  };
  const [answer] = await lookOnce({ ...request, hosts: barmanHost, module: 'barman.moment', params });
  return answer?.error === undefined ? undefined : answer;
}

async function askWal(
  { id, server }: Backup,
  target_time: string,
  request: Surroundings & { readonly signal: AbortSignal },
  {
    unarchived,
    timeline,
    beside,
  }: {
    readonly unarchived: 'allow' | 'refuse';
    readonly timeline: number | undefined;
    readonly beside: BesideArchives | undefined;
  },
): Promise<Pick<LookAnswer, 'result' | 'error'>> {
  const params = {
    backup: { id, server },
    target_time,
    accept_gap: false,
    unarchived,
    ...beside,
    ...(timeline === undefined ? {} : { timeline }),
  };
  const [answer] = await lookOnce({ ...request, hosts: barmanHost, module: 'barman.wal', params });
  return answer ?? {};
}

const ambiguousSchema = z.looseObject({ candidates: z.array(z.number()).min(1) });

/** One of those that were alive then. None is taken for the right one: the oldest is as a rule the one that was left. */
export async function chooseTimeline(prompt: Prompt, error: PitrError): Promise<number> {
  const { candidates } = ambiguousSchema.parse(error.result);
  tellProblem(error, prompt);
  const names = candidates.map((timeline) => ({ name: `timeline ${timeline}`, value: timeline }));
  prompt.say(['', ...names.map(({ name }, index) => `  ${index + 1}  ${name}`), '']);
  return choose(prompt, 'Which timeline', names);
}

/** The timeline of the leader; nothing where none is seen. */
async function livingTimeline(
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<number | undefined> {
  const { nodes } = await readSite(request);
  const cluster = await readCluster(
    nodes.map(({ name }) => name),
    request,
  );
  return cluster?.leader === undefined ? undefined : cluster.timeline;
}

function spelled(typed: string, prompt: Prompt): string | undefined {
  if (typed === 'latest') return typed;
  const parsed = parseInstant(typed);
  if (parsed.ok) return formatInstant(parsed.instant);
  const { problem } = parsed;
  prompt.say([
    '',
    `✗ ${problem.message}`,
    ...problem.details.map((line) => `  ${line}`),
    ...problem.next.map((line) => `  ${line}`),
  ]);
  return undefined;
}

function tellProblem(error: PitrError, prompt: Prompt): void {
  prompt.say(['', `✗ ${error.message}`, ...error.details.map((line) => `  ${line}`)]);
}
