import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { aptSourcesOfThisMachine } from './apt-sources.ts';
import { ensureBaseImage } from './base-image.ts';
import { imageFolder, metalImageFolder } from './checkout.ts';
import type { Engine } from './engine.ts';
import { imageExists } from './engine-images.ts';
import { LabError, reasonOf } from './error.ts';
import type { Report } from './progress.ts';
import { labRelease } from './release.ts';

/** The name of the lab's image: its tag changes with the release, and with any file of the image folder. */
export async function imageName(folder: string = imageFolder, base = ''): Promise<string> {
  const digest = createHash('sha256').update(base).update(labRelease.debian);
  for (const file of await filesBelow(folder)) {
    digest
      .update(`${relative(folder, file)}\0`)
      .update(await readFile(file))
      .update('\0');
  }
  return `pitr-lab:${base === '' ? '' : 'metal-'}${digest.digest('hex').slice(0, 12)}`;
}

/**
 * Returns the name of the image, built if it is not there yet. Debian's packages are a layer of
 * their own, so a changed template costs seconds. Throws a LabError with the end of the build's log.
 */
export async function ensureImage(engine: Engine, report: Report): Promise<string> {
  const name = await imageName();
  if (await imageExists(engine, name)) return name;
  return build(engine, imageFolder, name, await ensureBaseImage(engine, report), report);
}

/** As ensureImage: systemd and what belongs to it on top of the ordinary image. */
export async function ensureMetalImage(engine: Engine, report: Report): Promise<string> {
  const base = await ensureImage(engine, report);
  const name = await imageName(metalImageFolder, base);
  return (await imageExists(engine, name)) ? name : build(engine, metalImageFolder, name, base, report);
}

async function build(
  engine: Engine,
  folder: string,
  name: string,
  base: string,
  report: Report,
): Promise<string> {
  report(`building the image ${name} (once; about a minute)`);
  const context = await mkdtemp(join(tmpdir(), 'pitr-lab-image-'));
  try {
    await cp(folder, context, { recursive: true });
    await writeAptSources(join(context, 'apt'));
    await buildIn(context, engine, name, base);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
  report('image built');
  return name;
}

async function writeAptSources(folder: string): Promise<void> {
  const sources = await aptSourcesOfThisMachine();
  await mkdir(folder);
  await writeFile(join(folder, 'lab.list'), sources.list);
  await writeFile(join(folder, '99lab'), sources.configuration);
}

async function buildIn(context: string, engine: Engine, name: string, base: string): Promise<void> {
  const log: string[] = [];
  const stream = await engine.buildImage(
    { context, src: await readdir(context) },
    // The build reaches the mirror the way this machine does, even where containers have no way out.
    {
      t: name,
      buildargs: { BASE: base, POSTGRES: `${labRelease.postgres}` },
      networkmode: 'host',
      rm: true,
      forcerm: true,
    },
  );
  try {
    await new Promise<void>((resolve, reject) => {
      engine.modem.followProgress(
        stream,
        (error: Error | null) => (error ? reject(error) : resolve()),
        (event: { stream?: string }) => {
          if (event.stream) log.push(event.stream);
        },
      );
    });
  } catch (thrown) {
    const tail = log.join('').trim().split('\n').slice(-15).join('\n  ');
    throw new LabError(`building the image failed: ${reasonOf(thrown)}\n  ${tail}`);
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
