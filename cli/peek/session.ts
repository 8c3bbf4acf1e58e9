import type { Writable } from 'node:stream';
import { onHosts } from '../../lib/engine/run/look.ts';
import { shellStatus } from '../../lib/transport/exit-status.ts';
import type { Terminal } from '../../lib/transport/terminal.ts';
import type { HostConnection } from '../../lib/transport/types.ts';
import { passphraseAsker } from '../ask-password.ts';
import type { Io, Output } from '../io.ts';
import type { Waiting } from './find.ts';
import { type PeekLimits, type PsqlCall, sessionEnvironment } from './psql.ts';

/**
 * Runs psql on the node, in a session that only looks: on the operator's terminal where there is one and psql is told
 * nothing to do; else as a filter, all streams passed through as they come. Gives psql's exit code.
 */
export async function runPsql(
  waiting: Waiting,
  call: PsqlCall,
  limits: PeekLimits,
  signal: AbortSignal,
  io: Io,
): Promise<number> {
  const argv = [`${waiting.programs}/psql`, '-X', ...call.args];
  const options = { user: waiting.user, cwd: '/', env: sessionEnvironment(waiting, limits), signal };
  const terminal = call.batch ? undefined : terminalOf(io);
  const [answer] = await onHosts(
    {
      inventories: waiting.inventories,
      varsDirectories: waiting.varsDirectories,
      extraVars: waiting.extraVars,
      hosts: waiting.host,
      forks: 1,
      masker: io.masker,
      askPassphrase: passphraseAsker(io),
    },
    async (host, connections) => {
      const connection = connections.to(host);
      const end =
        terminal === undefined
          ? await filtered(connection, argv, options, call, io)
          : await connection.terminal(argv, terminal, options);
      return { code: shellStatus(end) };
    },
  );
  if (answer?.error !== undefined) throw answer.error;
  return Number(answer?.result?.code ?? 1);
}

function terminalOf({ stdin, stdout, env }: Io): Terminal | undefined {
  if (stdin.isTTY !== true || stdout.isTTY !== true || !isWritable(stdout) || !('read' in stdin))
    return undefined;
  return { stdin: stdin as Terminal['stdin'], stdout, term: env.TERM ?? 'xterm' };
}

function isWritable(output: Output): output is Output & Writable {
  return 'end' in output && 'on' in output;
}

async function filtered(
  connection: HostConnection,
  argv: readonly string[],
  options: Parameters<HostConnection['spawn']>[1],
  { script }: PsqlCall,
  { stdin, stdout, stderr }: Io,
): Promise<{ readonly exitCode?: number; readonly signal?: string }> {
  const psql = await connection.spawn(argv, options);
  psql.stdin.on('error', () => {
    // psql may end before it has read all that was given to it; its exit code says how.
  });
  if (script !== undefined) psql.stdin.end(script);
  else if (stdin.isTTY === true) psql.stdin.end();
  else stdin.pipe(psql.stdin);
  const done = [copied(psql.stdout, stdout), copied(psql.stderr, stderr)];
  try {
    const end = await psql.ended;
    await Promise.all(done);
    return end;
  } finally {
    if ('unpipe' in stdin) stdin.unpipe(psql.stdin);
    stdin.pause();
  }
}

/** Bytes as they come, no faster than they are taken; resolves when all are on their way. */
function copied(from: NodeJS.ReadableStream, to: Output): Promise<void> {
  return new Promise((resolve) => {
    if (isWritable(to)) {
      from.pipe(to, { end: false });
      // a reader that has gone (`| head`) takes no more: what comes is dropped, so that psql ends
      to.once('error', () => {
        from.unpipe(to);
        from.resume();
      });
    } else from.on('data', (chunk: Buffer) => to.write(chunk.toString('utf8')));
    from.once('close', resolve);
    from.once('end', resolve);
  });
}
