import { spawn } from 'node:child_process';
import { nearestName } from '../../base/errors/nearest.ts';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ChannelEnd } from '../connection.ts';
import { endInWords } from '../errors.ts';
import { commandLine } from '../quote.ts';
import { tail } from '../tail.ts';

const CLIENT_DEADLINE_MS = 10_000;

interface ClientResult {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** There is no docker client at all. */
  readonly missing: boolean;
}

/**
 * Why a container does not answer, asked of the engine itself and not guessed from messages: no client, no engine,
 * no such container, a container that does not run. Undefined when the container runs.
 */
export async function whyUnreachable(container: string, end: ChannelEnd): Promise<PitrError | undefined> {
  const state = await docker('inspect', '--type', 'container', '--format', '{{json .State}}', container);
  if (state.missing) return clientMissing();
  if (state.exitCode === 0) {
    const { running, status } = readState(state.stdout);
    if (status === 'paused') return notRunning(container, 'paused', ['docker', 'unpause', container]);
    if (!running || (wasKilled(end) && !(await letsIn(container)))) {
      return notRunning(container, running ? 'ending' : status, ['docker', 'start', container]);
    }
    return end.kind === 'signalled' ? clientKilled(container, end) : undefined;
  }
  const version = await docker('version', '--format', '{{.Server.Version}}');
  if (version.exitCode !== 0) return engineNotAnswering(version);
  return containerMissing(container);
}

/** The client tells so of a command that died with SIGKILL, as all do whose container ends. */
function wasKilled(end: ChannelEnd): boolean {
  return end.kind === 'exited' && end.exitCode === 137;
}

/** The engine may call a container running for some moments after its processes are gone. */
async function letsIn(container: string): Promise<boolean> {
  return (await docker('exec', container, 'sh', '-c', ':')).exitCode === 0;
}

function docker(...argv: readonly string[]): Promise<ClientResult> {
  return new Promise((resolve) => {
    const child = spawn('docker', argv, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), CLIENT_DEADLINE_MS);
    const end = (exitCode: number | undefined, missing: boolean): void => {
      clearTimeout(timer);
      resolve({ exitCode, missing, ...output });
    };
    child.once('error', (error) => end(undefined, 'code' in error && error.code === 'ENOENT'));
    child.once('close', (code) => end(code ?? undefined, false));
  });
}

function readState(json: string): { readonly running: boolean; readonly status: string } {
  const state: unknown = JSON.parse(json);
  if (typeof state !== 'object' || state === null) return { running: false, status: 'unknown' };
  const running = 'Running' in state && state.Running === true;
  const status = 'Status' in state && typeof state.Status === 'string' ? state.Status : 'unknown';
  return { running, status };
}

function clientMissing(): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'docker-client-missing',
    message: 'there is no `docker` command on this machine, and it is needed to reach containers',
    next: ["Install it (`apt-get install docker.io`, or Docker's own packages), and see that it is in PATH."],
  });
}

function engineNotAnswering(client: ClientResult): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'docker-not-answering',
    message: 'the Docker engine does not answer',
    evidence: {
      command: 'docker version',
      ...(client.exitCode === undefined ? { timedOut: true } : { exitCode: client.exitCode }),
      stderr: tail(client.stderr),
    },
    next: ['See that the engine runs, and that you may use it: docker info'],
  });
}

async function containerMissing(container: string): Promise<PitrError> {
  const list = await docker('ps', '--all', '--format', '{{.Names}}');
  const names = list.stdout.split('\n').filter((name) => name !== '');
  const near = nearestName(container, names);
  return new PitrError({
    kind: 'unreachable',
    code: 'docker-container-missing',
    message: `there is no such container: ${container}${near === undefined ? '' : ` (did you mean "${near}"?)`}`,
    details: names.length === 0 ? [] : [`containers here: ${names.slice(0, 20).join(', ')}`],
    next: [
      'Look which containers there are: docker ps --all',
      'Then mend the container name in the inventory.',
    ],
  });
}

function notRunning(container: string, status: string, remedy: readonly string[]): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'docker-container-not-running',
    message: `the container is ${status}: ${container}`,
    next: [
      commandLine(remedy),
      `Why it ended: ${commandLine(['docker', 'logs', '--tail', '50', container])}`,
    ],
  });
}

function clientKilled(container: string, end: ChannelEnd): PitrError {
  return new PitrError({
    kind: 'unreachable',
    code: 'connection-lost',
    message: `the docker client was ended (${endInWords(end)}) while it held a shell in container ${container}`,
    state: 'What ran in the container may still be running.',
    next: ['Look at the container before running it again.'],
  });
}
