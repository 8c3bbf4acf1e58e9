import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { splitWords } from '../../base/values/split-words.ts';
import { durationParam, formatDuration, milliseconds } from '../../base/wait/duration.ts';
import { deadlinePassed, until } from '../../base/wait/until.ts';
import type { ReadHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { defineLook } from '../../contract/module.ts';
import { authorsProbe } from '../../contract/probe.ts';
import { wordsOf } from '../../system/core/command-words.ts';
import { lookAtPort } from '../../system/core/try-port.ts';
import { pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath } from '../../system/fs/paths.ts';
import { evidenceOf, howItEnded } from '../../transport/command-failed.ts';

const params = z
  .strictObject({
    port: z.int().min(1).max(65535).optional().describe('TCP port to be open'),
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('where the port is, as seen from the host of the task'),
    path: absolutePath.optional().describe('path to be there'),
    check: z
      .union([z.string(), z.array(z.string()).min(1)])
      .refine(
        (check) => typeof check !== 'string' || !('fault' in splitWords(check)),
        'expected a command without a shell',
      )
      .optional()
      .describe('command that only looks, to exit with 0'),
    state: z
      .enum(['present', 'absent'])
      .default('present')
      .describe(
        'absent: wait for the port to be closed (connection refused; no answer is none), the path to be gone, the check to fail',
      ),
    timeout: durationParam.default(300).describe('how long to wait'),
    interval: durationParam.default(1).describe('how long to pause between two looks'),
  })
  .refine(
    ({ port, path, check }) => [port, path, check].filter((one) => one !== undefined).length === 1,
    'give port, path or check, one of the three',
  );

type Params = z.output<typeof params>;

/** One look: whether the thing is there, and what was seen, in words. Where that cannot be told it is neither. */
interface Seen {
  readonly present: boolean | undefined;
  readonly words: string;
}

export const module = defineLook({
  summary: 'Waits until a port is open, a path is there or a command says yes, or until it is no longer so.',
  examples: `- core.wait_for: { port: 5431, timeout: 1 min }
- core.wait_for:
    check: pg_isready -h 127.0.0.1 -p 5431
    timeout: 120`,
  params,
  awaits: true,
  returns: {
    waited_ms: 'how long it took',
    attempts: 'how often it looked',
    last_seen: 'what it saw at the end',
  },
  read: async (host, p, context) => {
    const started = performance.now();
    let attempts = 0;
    const what = describe(p);
    const deadlineMs = milliseconds(p.timeout);
    const seen = await until(
      (attempt) => {
        attempts = attempt;
        return look(host, p);
      },
      {
        everyMs: Math.max(50, milliseconds(p.interval)),
        deadlineMs,
        signal: context.signal,
        done: ({ present }) => present === (p.state === 'present'),
        onSeen: ({ words }) =>
          context.progress(`${what}: ${words} (${formatDuration(performance.now() - started)})`),
        late: ({ words }) => deadlinePassed({ what, deadlineMs, lastSeen: words }),
      },
    );
    return { waited_ms: Math.round(performance.now() - started), attempts, last_seen: seen.words };
  },
});

function describe({ port, host, path, check, state }: Params): string {
  const thing =
    port !== undefined
      ? `port ${port} of ${host}`
      : (path ?? (typeof check === 'string' ? check : (check ?? []).join(' ')));
  const [yes, no] =
    port !== undefined
      ? ['be open', 'be closed']
      : path !== undefined
        ? ['be there', 'be gone']
        : ['succeed', 'fail'];
  return `${thing} to ${state === 'present' ? yes : no}`;
}

async function look(host: ReadHost, p: Params): Promise<Seen> {
  if (p.port !== undefined) {
    const { state, words } = await lookAtPort(host, p.host, p.port);
    return { present: state === 'unknown' ? undefined : state === 'open', words };
  }
  if (p.path !== undefined) {
    const state = known(await host.look(pathResource, p.path));
    return { present: state.kind !== 'absent', words: state.kind };
  }
  const argv = typeof p.check === 'string' ? wordsOf(p.check) : (p.check ?? []);
  const answer = await host.query(authorsProbe(argv, { timeoutMs: Math.max(1000, milliseconds(p.timeout)) }));
  if (answer.exitCode === 126 || answer.exitCode === 127) {
    throw new PitrError({
      kind: 'failed',
      code: 'check-not-run',
      message: `"${argv.join(' ')}" cannot be run on the host`,
      evidence: evidenceOf(answer),
    });
  }
  const last = (answer.stderr.trim() || answer.stdout.trim()).split('\n').pop() ?? '';
  // One that was ended before it could say so, by its time limit or a signal, has not failed.
  const present = answer.timedOut || answer.exitCode === undefined ? undefined : answer.exitCode === 0;
  return { present, words: `${howItEnded(answer)}${last === '' ? '' : `: ${last}`}` };
}
