import { access, constants, readFile } from 'node:fs/promises';
import type { ContainerRuntimeClient } from 'testcontainers';
import { startDockerd } from './dockerd.ts';
import { LabError } from './error.ts';
import { mustRunLocally, runLocally } from './local-command.ts';
import type { Report } from './progress.ts';

/** The Docker Engine API, as testcontainers found it (DOCKER_HOST, contexts, rootless sockets). */
export type Engine = ContainerRuntimeClient['container']['dockerode'];

/** The engine that answers now, or undefined. Installs and starts nothing. */
export async function answeringEngine(): Promise<Engine | undefined> {
  // The lab outlives the process that starts it, so no reaper may clean up behind us.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    return (await getContainerRuntimeClient()).container.dockerode;
  } catch {
    // testcontainers tried every way to reach an engine and says only that none worked.
    return undefined;
  }
}

/**
 * Returns a Docker engine that answers. Where none does, and this is Debian or Ubuntu as root, it
 * installs the distribution's docker.io and starts dockerd; otherwise it throws a LabError that
 * says what to do.
 */
export async function ensureEngine(report: Report): Promise<Engine> {
  const present = await answeringEngine();
  if (present) return present;
  await refuseWhereWeCannotInstall();
  if ((await runLocally(['dockerd', '--version'])).exitCode !== 0) {
    report('no Docker engine answers: installing docker.io from the distribution and starting dockerd');
    await installPackages('docker.io', 'iptables', 'ca-certificates');
  } else {
    report('no Docker engine answers: starting dockerd');
  }
  return startDockerd(answeringEngine, report);
}

/** Installs packages of the distribution without asking; throws a LabError when apt fails. */
export async function installPackages(...packages: string[]): Promise<void> {
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  const patience = ['-o', 'DPkg::Lock::Timeout=180', '-qq'] as const;
  await mustRunLocally('reading the package lists', ['apt-get', ...patience, 'update'], quiet);
  await mustRunLocally(
    `installing ${packages.join(', ')}`,
    ['apt-get', ...patience, 'install', '-y', '--no-install-recommends', ...packages],
    quiet,
  );
}

/** True on Debian, Ubuntu and what derives from them. */
export async function isDebianFamily(): Promise<boolean> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
}

async function refuseWhereWeCannotInstall(): Promise<void> {
  const socket = '/var/run/docker.sock';
  const exists = await access(socket).then(
    () => true,
    () => false,
  );
  const usable = await access(socket, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (exists && !usable) {
    throw new LabError(
      `no Docker engine answers: this user may not use ${socket}. ` +
        'Join the group that owns it (usually `docker`), or run this as root.',
    );
  }
  if (process.env.DOCKER_HOST) {
    throw new LabError(
      `no Docker engine answers at DOCKER_HOST=${process.env.DOCKER_HOST}. Start that engine, or unset DOCKER_HOST.`,
    );
  }
  if (process.platform === 'linux' && process.getuid?.() === 0 && (await isDebianFamily())) return;
  throw new LabError(
    'no Docker engine answers. Start Docker (or set DOCKER_HOST) and try again; ' +
      'on Debian or Ubuntu, run as root, the lab installs docker.io itself.',
  );
}
