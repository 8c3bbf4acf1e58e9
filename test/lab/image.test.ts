import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../lab/free-port.ts';
import { imageName } from '../../lab/image.ts';
import { choosePorts, portRange } from '../../lab/ports.ts';

describe("the image's name", () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pitr-image-test-'));
    await mkdir(join(folder, 'etc'));
    await writeFile(join(folder, 'Dockerfile'), 'FROM debian\n');
    await writeFile(join(folder, 'etc', 'a.conf'), 'a\n');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('stays while no file changes, so that the image is built once', async () => {
    expect(await imageName(folder)).toBe(await imageName(folder));
    expect(await imageName(folder)).toMatch(/^pitr-lab:[0-9a-f]{12}$/);
  });

  it('changes with a file in a folder below, and with its name', async () => {
    const before = await imageName(folder);
    await writeFile(join(folder, 'etc', 'a.conf'), 'b\n');
    const edited = await imageName(folder);
    await rm(join(folder, 'etc', 'a.conf'));
    await writeFile(join(folder, 'etc', 'b.conf'), 'b\n');
    expect(new Set([before, edited, await imageName(folder)]).size).toBe(3);
  });
});

describe('the published ports', () => {
  it('are six different ones', async () => {
    const ports = Object.values(await choosePorts('some-other-lab'));
    expect(new Set(ports).size).toBe(6);
    expect(Math.min(...ports)).toBeGreaterThan(1023);
    const { from, to } = portRange('some-other-lab');
    expect(ports.filter((port) => port < from || port >= to)).toEqual([]);
  });

  it.each([
    ['pitr-test', 'pitr-test-2'],
    ['pitr-test-2', 'pitr-test-3'],
    ['pitr-trixie', 'pitr-forky'],
  ])('are never the same for labs that come up side by side: %s, %s', (one, other) => {
    const [first, second] = [portRange(one), portRange(other)].toSorted((a, b) => a.from - b.from);
    expect(first?.to).toBeLessThanOrEqual(second?.from ?? 0);
  });

  it('are drawn by nobody else', async () => {
    const others = await Promise.all(Array.from({ length: 50 }, () => freePort()));
    const labs = ['a', 'a-2', 'a-3', 'a-4'].map(portRange);
    expect(Math.min(...others)).toBeGreaterThanOrEqual(Math.max(...labs.map(({ to }) => to)));
  });
});
