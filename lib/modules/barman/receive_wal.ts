import { z } from 'zod';
import { rest } from '../../base/wait/until.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { readCatalogue } from '../../recovery/barman/catalogue.ts';
import { namedServer } from '../../recovery/barman/counted-servers.ts';
import { refuseIdle } from '../../recovery/barman/errors.ts';
import { userParam } from '../../recovery/barman/params.ts';
import { newestReceived, receiveFails, tryToReceive } from '../../recovery/barman/receive-wal.ts';
import { ownUnit } from '../../system/service/own-unit.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  server: z.string().describe('the Barman server of the leader'),
  timeline: z.int().min(1).describe('the timeline that the leader writes on'),
  timeout: z
    .int()
    .min(1)
    .default(120)
    .describe('seconds until it must receive')
    .meta({ variable: 'receiving_timeout' }),
  user: userParam,
});

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
    'position is reset (barman receive-wal --reset). What has arrived stays. Does nothing for a server without a streaming archiver.',
  examples: `- barman.receive_wal:
    server: "{{ barman_server }}"
    timeline: 3
  delegate_to: "{{ barman_host }}"`,
  params,
  returns: { server: 'the Barman server', reset: 'whether its position was reset' },
  read: async (host, { server, user }) => {
    const found = namedServer((await readCatalogue(host, user)).servers, server, host.name);
    refuseIdle(found, host.name);
    return { streams: found.streamingArchiver };
  },
  plan: ({ streams }, { server, timeline }): ReceiveChange | undefined =>
    streams
      ? { summary: `let ${server} receive the WAL of timeline ${timeline}`, server, timeline }
      : undefined,
  unchanged: (_state, { server }) => ({ server, reset: false }),
  predict: ({ server }) => ({ result: { server } }),
  apply: async (host, { server, timeline }, { user, timeout }, context) => {
    const found = namedServer((await readCatalogue(host, user)).servers, server, host.name);
    const deadline = performance.now() + timeout * 1000;
    let reset = false;
    for (let running = 0; running < SEEN_RUNNING; ) {
      const attempt = await tryToReceive(host, server, user, context.signal);
      if (attempt.outcome === 'receives') break;
      running = attempt.outcome === 'running' ? running + 1 : 0;
      if (attempt.outcome === 'fails') {
        const newest = await newestReceived(host, found.streaming, user);
        if (!reset && newest !== undefined && newest < timeline) {
          context.progress(`${server} was at timeline ${newest}: its position is reset`);
          const done = await host.run(['barman', 'receive-wal', '--reset', server], {
            user,
            ownChannel: true,
          });
          if (done.exitCode !== 0) throw receiveFails(server, host.name, evidenceOf(done));
          reset = true;
        } else if (performance.now() > deadline) {
          throw receiveFails(server, host.name, evidenceOf(attempt.result));
        }
      }
      await rest(PAUSE_MS, context.signal);
    }
    // Barman's own cron would start it within a minute. What it starts must not end with this login.
    const unit = await ownUnit(host, 'barman-cron', user, 'cron');
    const cron = ['barman', '-q', 'cron'];
    await (typeof unit === 'object'
      ? host.run([...unit.words, ...cron])
      : host.run(cron, { user, ownChannel: true }));
    if (reset)
      context.warn(`the position from which ${server} receives WAL was reset; what it had received is kept`);
    return { server, reset };
  },
  undo: async () => {
    // What is received is the leader's, whoever that is: the next change of timeline resets it again.
  },
});
