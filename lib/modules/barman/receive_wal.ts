import { z } from 'zod';
import { rest } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import { type Change, defineModule, type Result, type WorkContext } from '../../contract/module.ts';
import { readCatalogue } from '../../recovery/barman/catalogue.ts';
import { namedServer } from '../../recovery/barman/counted-servers.ts';
import { refuseIdle } from '../../recovery/barman/errors.ts';
import { userParam } from '../../recovery/barman/params.ts';
import {
  beginningOf,
  isLost,
  newestReceived,
  type Received,
  receiveFails,
  resetPosition,
  startReceiving,
  tryToReceive,
} from '../../recovery/barman/receive-wal.ts';
import type { WalSegment } from '../../recovery/wal/segment.ts';
import { failingParams, failingWith } from '../../system/core/failing-words.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  server: z.string().describe('the Barman server of the leader'),
  timeline: z.int().min(1).describe('the timeline that the leader writes on'),
  history: z
    .string()
    .default('')
    .describe(
      'the last line of its history file, as postgres.promote gives it: WAL is then received from where the timeline begins',
    ),
  timeout: z
    .int()
    .min(1)
    .default(120)
    .describe('seconds until it must receive')
    .meta({ variable: 'receiving_timeout' }),
  ...failingParams,
  user: userParam,
});

type Params = z.output<typeof params>;

/** Where a server receives from since then: from where the timeline begins, or from what the leader writes now. */
type Reset = 'to the beginning' | 'to now';

interface ReceiveChange extends Change {
  readonly server: string;
  readonly timeline: number;
}

const PAUSE_MS = 2_000;
/** A process that another has started and that is still there so many looks later does not fail at once. */
const SEEN_RUNNING = 3;

export const module = defineModule({
  summary: 'Lets a Barman server with a streaming archiver receive the WAL of a leader on a new timeline.',
  description:
    'After a recovery the server has received more of the old timeline than the new one has of it: the leader then refuses ' +
    'where it left off, for ever. Only where receiving fails, and what was received last is of an older timeline, its ' +
    'position is reset (barman receive-wal --reset), to where the timeline begins. What has arrived stays: Barman would remove ' +
    'the unfinished segment at which it stood, so that is archived as <segment>.partial. Does nothing for a server without ' +
    'a streaming archiver.',
  examples: `- barman.receive_wal:
    server: "{{ barman_server }}"
    timeline: 3
  delegate_to: "{{ barman_host }}"`,
  params,
  returns: { server: 'the Barman server', reset: 'whether its position was reset' },
  read: (host, p) =>
    failingWith(p, async () => {
      const { server, user } = p;
      const found = namedServer((await readCatalogue(host, user)).servers, server, host.name);
      refuseIdle(found, host.name);
      return { streams: found.streamingArchiver };
    }),
  plan: ({ streams }, { server, timeline }): ReceiveChange | undefined =>
    streams
      ? { summary: `let ${server} receive the WAL of timeline ${timeline}`, server, timeline }
      : undefined,
  unchanged: (_state, { server }) => ({ server, reset: false }),
  predict: ({ server }) => ({ result: { server } }),
  apply: (host, change, p, context) => failingWith(p, () => letReceive(host, change, p, context)),
  undo: async () => {
    // What is received is the leader's, whoever that is: the next change of timeline resets it again.
  },
});

async function letReceive(
  host: WriteHost,
  { server, timeline }: ReceiveChange,
  { user, timeout, history }: Params,
  context: WorkContext,
): Promise<Result> {
  const found = namedServer((await readCatalogue(host, user)).servers, server, host.name);
  const begun = performance.now();
  const resetTo = async (newest: Received, from: WalSegment | undefined, gaveUp: boolean): Promise<Reset> => {
    context.progress(`${server} was at timeline ${newest.timeline}: its position is reset`);
    const position = { server, directory: found.streaming, newest, from, gaveUp };
    const done = await resetPosition(host, position, user);
    if (done.exitCode === 0) return from === undefined ? 'to now' : 'to the beginning';
    const command = `barman receive-wal --reset ${server}`;
    throw receiveFails(server, host.name, context.runId, { ...evidenceOf(done), command });
  };
  let reset: Reset | undefined;
  for (let running = 0; running < SEEN_RUNNING; ) {
    const attempt = await tryToReceive(host, server, user, context.signal);
    if (attempt.outcome === 'receives') break;
    running = attempt.outcome === 'running' ? running + 1 : 0;
    if (attempt.outcome === 'fails') {
      const newest = await newestReceived(host, found.streaming, user);
      const seconds = (performance.now() - begun) / 1000;
      if (reset === undefined && newest !== undefined && newest.timeline < timeline) {
        reset = await resetTo(newest, beginningOf(timeline, history, newest), false);
      } else if (reset !== 'to now' && newest !== undefined && isLost(newest, attempt.result)) {
        reset = await resetTo(newest, undefined, true);
      } else if (seconds > timeout) {
        throw receiveFails(server, host.name, context.runId, evidenceOf(attempt.result));
      }
    }
    await rest(PAUSE_MS, context.signal);
  }
  const cron = await startReceiving(host, user);
  if (cron !== undefined) {
    const said = cron.stderr.trim().split('\n').at(-1) || `it ended with ${cron.exitCode ?? cron.signal}`;
    context.warn(
      `barman cron, which lets ${server} receive from now on, has failed (${said}): Barman's own cron does it within a minute, where it runs`,
    );
  }
  if (reset !== undefined) {
    const hole = `; WAL of timeline ${timeline} from before now is perhaps in no archive: take a new base backup`;
    context.warn(
      `the position from which ${server} receives WAL was reset; what it had received is kept${reset === 'to now' ? hole : ''}`,
    );
  }
  return { server, reset: reset !== undefined };
}
