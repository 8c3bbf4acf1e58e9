import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATRONI_PROCESSES } from '../../../../lib/recovery/patroni/processes.ts';
import { SERVED_PATRONI } from '../../../../lib/recovery/patroni/service-process.ts';

let directory: string;
let hosts = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-served-patroni-'));
});

afterAll(() => rm(directory, { recursive: true }));

type Process = readonly [pid: number, parent: number, ...words: string[]];

/** What is told of the service whose main process is 100, which is to run the Patroni of /p.yml. */
async function told(...processes: readonly Process[]): Promise<string> {
  const proc = join(directory, `proc${hosts++}`);
  for (const [pid, parent, ...words] of processes) {
    await mkdir(join(proc, String(pid)), { recursive: true });
    await writeFile(join(proc, String(pid), 'cmdline'), words.map((word) => `${word}\0`).join(''));
    await writeFile(join(proc, String(pid), 'status'), `Name:\tx\nPPid:\t${parent}\n`);
  }
  const script = `${PATRONI_PROCESSES}${SERVED_PATRONI}\nserved_patroni "$1" 100 /p.yml`;
  return spawnSync('sh', ['-c', script, 'sh', proc], { encoding: 'utf8' }).stdout.trim();
}

const INIT: Process = [1, 0, 'init'];

describe('the Patroni that a service runs', () => {
  it('is that of the configuration, by its own process or one that it has begun', async () => {
    expect(await told(INIT, [100, 1, 'python3', '/usr/bin/patroni', '/p.yml'])).toBe('@this');
    const wrapped: Process = [102, 100, 'python3', '/usr/bin/patroni', '/p.yml'];
    expect(await told(INIT, [100, 1, 'runuser', 'patroni', '/p.yml'], wrapped)).toBe('@this');
  });

  it('is another one, though that of the configuration runs beside it', async () => {
    const other: Process = [100, 1, 'python3', '/usr/bin/patroni', '/other.yml'];
    expect(await told(INIT, other, [99, 1, 'patroni', '/p.yml'])).toBe('@other /other.yml');
  });

  it('is not known where none that it has begun is seen', async () => {
    expect(await told(INIT, [100, 1, 'sleep', '9'])).toBe('@unknown');
    expect(await told(INIT, [99, 1, 'patroni', '/p.yml'])).toBe('@unknown');
    expect(await told()).toBe('@unknown');
  });

  it('is the only one where that was started without a configuration file', async () => {
    expect(await told(INIT, [100, 1, 'patroni'])).toBe('@this');
    expect(await told(INIT, [100, 1, 'patroni'], [99, 1, 'patroni', '/p.yml'])).toBe('@unknown');
  });
});
