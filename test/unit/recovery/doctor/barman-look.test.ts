import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { liveHost } from '../../../../lib/engine/run/live-host.ts';
import { parseConfig } from '../../../../lib/recovery/barman/config.ts';
import { type BarmanLook, lookAtBarman } from '../../../../lib/recovery/doctor/barman-script.ts';
import { connectHost } from '../../../../lib/transport/connect.ts';

const USER = userInfo().username;

let home: string;
const connection = connectHost('here', { kind: 'local' });
const host = liveHost(connection, () => connection);

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pitr-barman-look-'));
});

afterAll(async () => {
  await connection.close();
  await rm(home, { recursive: true });
});

/** What is seen of one server in whose directory these files lie, each so many minutes old. */
async function seen(
  name: string,
  options: string,
  files: Readonly<Record<string, number>>,
  waitedSeconds?: number,
): Promise<BarmanLook> {
  for (const [file, minutes] of Object.entries(files)) {
    const path = join(home, name, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '');
    const at = Date.now() / 1000 - minutes * 60;
    await utimes(path, at, at);
  }
  const servers = parseConfig([`[barman]\nbarman_home = ${home}\n[${name}]\n${options}\n`]);
  return lookAtBarman(host, { name: 'here', user: USER, lockDirectory: '' }, servers, waitedSeconds);
}

const segment = (number: number): string => `00000001000000000000000${number}`;
const STREAMS = 'streaming_archiver = on';

describe('what waits at Barman to be archived', () => {
  const waiting = async (
    name: string,
    options: string,
    files: Readonly<Record<string, number>>,
    waitedSeconds?: number,
  ) =>
    (await seen(name, options, files, waitedSeconds)).waiting.map(({ place, files: count }) => [
      place,
      count,
    ]);

  it('is what has lain in the incoming directory for a while, and is finished', async () => {
    const files = {
      [`incoming/${segment(1)}`]: 20,
      [`incoming/${segment(3)}.tmp`]: 20,
      [`incoming/.${segment(4)}.Xy12`]: 20,
      [`streaming/${segment(1)}`]: 20,
      [`streaming/${segment(2)}`]: 20,
    };
    // They have come a moment ago, which nothing can set back.
    expect(await waiting('archives', '', files, -5)).toEqual([['incoming', 1]]);
  });

  it('is not what has just arrived, however old the node says that it is', async () => {
    expect(await waiting('late', '', { [`incoming/${segment(1)}`]: 60 })).toEqual([['incoming', 0]]);
  });

  it('is what was received by streaming, too', async () => {
    const files = {
      [`streaming/${segment(1)}`]: 40,
      [`streaming/${segment(2)}`]: 20,
      [`streaming/${segment(3)}.partial`]: 20,
    };
    expect(await waiting('streams', STREAMS, files)).toEqual([
      ['incoming', 0],
      ['streaming', 2],
    ]);
  });

  it('is not the last one that was received, which Barman keeps where nothing of the next is there', async () => {
    const files = { [`streaming/${segment(1)}`]: 40, [`streaming/${segment(2)}`]: 20 };
    expect(await waiting('idle', STREAMS, files)).toContainEqual(['streaming', 1]);
    const fresh = { [`streaming/${segment(1)}`]: 40, [`streaming/${segment(2)}`]: 1 };
    expect(await waiting('fresh', STREAMS, fresh)).toContainEqual(['streaming', 1]);
  });

  it('is not known where it cannot be looked for', async () => {
    expect(await waiting('blind', STREAMS, { incoming: 1 })).toEqual([
      ['incoming', undefined],
      ['streaming', 0],
    ]);
  });
});

it('the clock of the host is told with the offsets of winter and summer', async () => {
  const { clock } = await seen('clock', '', {});
  const of = (day: string) =>
    spawnSync('date', ['-d', `${new Date().getFullYear()}-${day} 12:00`, '+%z'], {
      encoding: 'utf8',
    }).stdout.trim();
  expect(clock.year).toEqual({ january: of('01-15'), july: of('07-15') });
});
