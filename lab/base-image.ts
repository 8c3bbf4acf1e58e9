import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { aptSourcesOfThisMachine } from './apt-sources.ts';
import { type Engine, installPackages, isDebianFamily } from './engine.ts';
import { imageExists } from './engine-images.ts';
import { LabError, reasonOf } from './error.ts';
import { mustRunLocally, runLocally } from './local-command.ts';
import type { Report } from './progress.ts';
import { labRelease } from './release.ts';

const published = `debian:${labRelease.debian}-slim`;
const bootstrapped = { repo: 'pitr-lab-base', tag: labRelease.debian };
const bootstrappedName = `${bootstrapped.repo}:${bootstrapped.tag}`;

/** A registry that is out of reach may hang instead of refusing: without a sign of life we go on alone. */
const silenceLimitMs = 12_000;

/**
 * Returns the name of a Debian base image that is present: the published one, pulled if a registry
 * answers, or one bootstrapped from this machine's Debian mirror. Throws a LabError when neither works.
 */
export async function ensureBaseImage(engine: Engine, report: Report): Promise<string> {
  for (const name of [published, bootstrappedName]) {
    if (await imageExists(engine, name)) return name;
  }
  const refusal = await pull(engine, published).catch(reasonOf);
  if (refusal === undefined) {
    report(`base image ${published} pulled`);
    return published;
  }
  report(`no registry answers for ${published}: making a base image with debootstrap`);
  await bootstrap(engine, refusal);
  report(`base image ${bootstrappedName} made`);
  return bootstrappedName;
}

async function pull(engine: Engine, name: string): Promise<undefined> {
  const abort = new AbortController();
  let silence = setTimeout(() => abort.abort(), silenceLimitMs);
  try {
    const stream = await engine.pull(name, { abortSignal: abort.signal });
    await new Promise<void>((resolve, reject) => {
      engine.modem.followProgress(
        stream,
        (error: Error | null) => (error ? reject(error) : resolve()),
        () => {
          clearTimeout(silence);
          silence = setTimeout(() => abort.abort(), silenceLimitMs * 5);
        },
      );
    });
  } finally {
    clearTimeout(silence);
  }
  return undefined;
}

async function bootstrap(engine: Engine, refusal: string): Promise<void> {
  if (!((await isDebianFamily()) && process.getuid?.() === 0)) {
    throw new LabError(
      `no base image: ${published} cannot be pulled (${refusal}) and only root on Debian can bootstrap one. ` +
        `Pull ${published} where a registry answers and \`docker load\` it here.`,
    );
  }
  if ((await runLocally(['debootstrap', '--version'])).exitCode !== 0) await installPackages('debootstrap');
  const { mirror } = await aptSourcesOfThisMachine();
  if (!mirror) {
    throw new LabError(
      `no base image: ${published} cannot be pulled (${refusal}) and this machine's apt sources name no Debian mirror.`,
    );
  }
  const scratch = await mkdtemp('/var/tmp/pitr-lab-base-');
  try {
    const root = join(scratch, 'root');
    const include = mirror.startsWith('https:') ? ['--include=ca-certificates'] : [];
    await mustRunLocally('making the base image', [
      'debootstrap',
      '--variant=minbase',
      ...include,
      labRelease.debian,
      root,
      mirror,
      // What all releases of these years share; an older debootstrap has no name of its own for newer ones.
      '/usr/share/debootstrap/scripts/sid',
    ]);
    await importFolder(engine, root);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function importFolder(engine: Engine, root: string): Promise<void> {
  const archive = spawn('tar', ['-C', root, '-c', '--exclude=./var/cache/apt/archives/*.deb', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const packed = new Promise<number | null>((resolve) => archive.on('close', resolve));
  const stream = await engine.importImage(archive.stdout, { fromSrc: '-', ...bootstrapped });
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(stream, (error: Error | null) => (error ? reject(error) : resolve()));
  });
  const code = await packed;
  if (code !== 0) throw new LabError(`making the base image failed: tar ended with exit code ${code}`);
}
