import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import type { LookAnswer } from '../../lib/engine/run/look.ts';
import { evidenceOf } from '../../lib/transport/command-failed.ts';
import { AS_LOGIN_USER, type HostConnection } from '../../lib/transport/types.ts';
import { defineCommand } from '../command.ts';
import { FORKS_OPTION, INVENTORY_OPTIONS, OUTPUT_OPTIONS } from '../common-options.ts';
import { exitCodeOfAnswers, type LookSession, withLookSession } from '../look-session.ts';
import { table } from '../table.ts';
import { duration, oneLine } from '../text.ts';

const ANSWER_TIMEOUT_MS = 15_000;

/** How a host answers. */
interface Pong {
  readonly address: string;
  readonly user: string;
  /** Whom commands run as. */
  readonly becomes: string;
  readonly connectMs: number;
  readonly commandMs: number;
}

export const ping = defineCommand({
  name: 'ping',
  summary: 'Connect to hosts and say who answers, and how fast',
  description: [
    'Connects to all hosts of a pattern at once, runs one harmless command (id -un) and says how each host was reached, as whom, how long the connection took to open, and how long a command takes on it. Where the inventory becomes another user (ansible_become), that is tried too: BECOMES says whom.',
    'Exit code 4 when a host cannot be reached, or the other user not be become.',
  ],
  arguments: [{ name: 'pattern', text: 'hosts or groups: db1, patroni, all,!db4; all without it' }],
  options: { ...INVENTORY_OPTIONS, ...FORKS_OPTION, ...OUTPUT_OPTIONS },
  examples: [
    { text: 'All hosts of the lab over docker exec', command: 'pitr ping -i inventory/lab-docker.yml' },
    { text: 'The database nodes over SSH', command: 'pitr ping patroni -i inventory/lab-ssh.yml' },
  ],
  run: ({ options, args }, io) =>
    withLookSession(options, io, async (session) => {
      const { onHosts } = await import('../../lib/engine/run/look.ts');
      const pongs = new Map<string, Pong>();
      const unbecome = new Set<string>();
      const hosts = args[0] ?? 'all';
      const answers = await onHosts({ ...session.request, hosts }, async (host, connections) => {
        const connection = connections.to(host);
        const began = performance.now();
        await connection.connect(session.request.signal);
        const connected = performance.now();
        const { signal } = session.request;
        const user = await who(connection, AS_LOGIN_USER, signal);
        const answered = performance.now();
        unbecome.add(host);
        const becomes = await who(connection, undefined, signal);
        unbecome.delete(host);
        pongs.set(host, {
          address: connection.address,
          user,
          becomes,
          connectMs: Math.round(connected - began),
          commandMs: Math.round(answered - connected),
        });
        return {};
      });
      tellPongs(answers, pongs, session);
      // What its commands would run as cannot be had: to whoever asks, that host is not there.
      return exitCodeOfAnswers(
        answers.map(({ host, error }) => ({
          error: error?.kind === 'failed' && unbecome.has(host) ? { ...error, kind: 'unreachable' } : error,
        })),
      );
    }),
});

async function who(
  connection: HostConnection,
  user: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const answer = await connection.run(['id', '-un'], { user, timeoutMs: ANSWER_TIMEOUT_MS, signal });
  if (answer.exitCode === 0) return answer.stdout.trim();
  throw new PitrError({
    kind: 'failed',
    code: 'ping-failed',
    message: 'connected, but "id -un" failed',
    evidence: evidenceOf(answer),
  });
}

function tellPongs(
  answers: readonly LookAnswer[],
  pongs: ReadonlyMap<string, Pong>,
  session: LookSession,
): void {
  for (const { host, error } of answers) {
    session.emit({
      type: 'ping.host',
      host,
      status: error === undefined ? 'ok' : 'failed',
      ...pongs.get(host),
      error,
    });
  }
  const becomes = (pong: Pong | undefined): string =>
    pong === undefined || pong.becomes === pong.user ? '-' : pong.becomes;
  const time = (ms: number | undefined): string => (ms === undefined ? '-' : duration(ms));
  const lines = table<LookAnswer>(
    [
      { title: 'HOST', value: ({ host }) => host },
      { title: 'USER', value: ({ host }) => pongs.get(host)?.user ?? '-' },
      { title: 'BECOMES', value: ({ host }) => becomes(pongs.get(host)) },
      { title: 'CONNECT', value: ({ host }) => time(pongs.get(host)?.connectMs), align: 'right' },
      { title: 'COMMAND', value: ({ host }) => time(pongs.get(host)?.commandMs), align: 'right' },
      {
        title: 'REACHED BY',
        value: ({ host, error }) => pongs.get(host)?.address ?? oneLine(error?.message ?? ''),
      },
    ],
    answers,
  );
  const { failed } = session.view.paint;
  session.print(lines.map((line, index) => (answers[index - 1]?.error === undefined ? line : failed(line))));
  if (!session.json) for (const { error } of answers) if (error !== undefined) session.tell(error);
}
