import { existsSync, writeFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startInstance, startLog } from '../../lib/recovery/postgres/instance-control.ts';
import { postgresResource } from '../../lib/recovery/postgres/instance-resource.ts';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { localPlayground } from './playground.ts';

it.each([
  ['empty', ''],
  ['of zero bytes, as a crash of the host leaves it', '\0\0\0'],
])('an instance is told of where PG_VERSION is %s', async (_, text) => {
  await using ground = await localPlayground();
  await writeFile(join(ground.dir, 'PG_VERSION'), text);
  await writeFile(join(ground.dir, 'standby.signal'), '');
  expect(await postgresResource.read(ground.play.host(), ground.dir)).toMatchObject({
    data: 'present',
    running: false,
    signal: 'standby',
  });
});

it.runIf(process.getuid?.() !== 0)(
  'an instance whose PG_VERSION may not be read is not told of',
  async () => {
    await using ground = await localPlayground();
    await writeFile(join(ground.dir, 'PG_VERSION'), '15\n');
    await chmod(join(ground.dir, 'PG_VERSION'), 0o000);
    expect((await errorOf(postgresResource.read(ground.play.host(), ground.dir))).code).toBe(
      'data-directory-unreadable',
    );
  },
);

it('an instance is not told of where PG_VERSION cannot be read as a file', async () => {
  await using ground = await localPlayground();
  await mkdir(join(ground.dir, 'PG_VERSION'));
  expect(await errorOf(postgresResource.read(ground.play.host(), ground.dir))).toMatchObject({
    code: 'data-directory-unreadable',
    evidence: { stderr: expect.stringContaining('PG_VERSION') },
  });
});

/** A data directory of which the first so many looks are broken off, as on a host that is out of memory. */
async function busyGround(looks: number) {
  const ground = await localPlayground();
  const left = join(ground.dir, 'looks');
  await writeFile(left, 'x'.repeat(looks));
  await writeFile(join(ground.dir, 'PG_VERSION'), '15\n');
  await writeFile(join(ground.dir, 'pg_ctl'), '#!/bin/sh\necho "no memory" >&2; exit 1\n', { mode: 0o755 });
  const programs = await fakePrograms({
    grep: `case "$*" in *restore_command*)
  left=$(cat ${left}); [ -z "$left" ] || { printf %s "\${left#x}" >${left}; kill -9 $PPID; } ;;
esac
exec /bin/grep "$@"`,
  });
  return {
    ...ground,
    [Symbol.asyncDispose]: async () => {
      await programs[Symbol.asyncDispose]();
      await ground[Symbol.asyncDispose]();
    },
  };
}

it('a look that is broken off is told as that, and not as a directory that may not be read', async () => {
  await using ground = await busyGround(1);
  expect(await errorOf(postgresResource.read(ground.play.host(), ground.dir))).toMatchObject({
    code: 'look-broken-off',
    message: expect.stringContaining(`the PostgreSQL on ${ground.dir}`),
  });
});

it('a start is not given up for looks that are broken off', async () => {
  await using ground = await busyGround(3);
  const ref = { pgdata: ground.dir, bin: ground.dir, user: userInfo().username };
  const context = { signal: new AbortController().signal, progress: () => {}, warn: () => {} };
  const error = await errorOf(startInstance(ground.play.host(), ref, [], 60_000, context));
  expect(error).toMatchObject({
    code: 'postgres-did-not-start',
    evidence: { stderr: expect.stringContaining('no memory') },
  });
});

// PostgreSQL 12 to 14 say nothing while they sync each file of restored data.
it('a start is not given up as long as its startup process works, also without a word in the log', async () => {
  await using ground = await localPlayground();
  const at = (name: string) => join(ground.dir, name);
  await mkdir(at('data'));
  await writeFile(at('data/PG_VERSION'), '14\n');
  await copyFile('/bin/bash', at('postgres'));
  const works = `while [ ! -e ${at('enough')} ]; do :; done; mkfifo ${at('fifo')}; read -r -t 60 <>${at('fifo')}`;
  await writeFile(
    at('pg_ctl'),
    `#!/bin/bash
cd ${at('data')} || exit
(exec -a 'postgres: main: startup' ${at('postgres')} -c '${works}') </dev/null >/dev/null 2>&1 &
echo $! >${at('pid')}
`,
    { mode: 0o755 },
  );
  const silenceMs = 1000;
  const begun = performance.now();
  const context = {
    signal: new AbortController().signal,
    progress: () => {
      if (performance.now() - begun > 3 * silenceMs) writeFileSync(at('enough'), '');
    },
    warn: () => {},
  };
  const ref = { pgdata: at('data'), bin: ground.dir, user: userInfo().username };
  try {
    const error = await errorOf(startInstance(ground.play.host(), ref, [], silenceMs, context));
    expect(error.code).toBe('postgres-start-stalled');
    expect(existsSync(at('enough'))).toBe(true);
  } finally {
    process.kill(Number(await readFile(at('pid'), 'utf8')));
  }
});

it('that a recovery has paused is known however much was logged since', async () => {
  await using ground = await localPlayground();
  const pgdata = join(ground.dir, 'data');
  await mkdir(`${pgdata}.pitr-run`);
  const line = (words: string) => `2026-11-29 21:21:58.709 UTC [939] LOG:  ${words}\n`;
  const logged = (since: number) =>
    line('recovery stopping at restore point "rp", time 2026-11-29 21:11:26.679396+00') +
    line('pausing at the end of recovery') +
    line('statement: select 1').repeat(since);
  const ref = { pgdata, bin: '/bin', user: userInfo().username };
  for (const since of [0, 10_000]) {
    await writeFile(`${pgdata}.pitr-run/postgresql.log`, logged(since));
    expect(await startLog(ground.play.host(), ref)).toMatchObject({
      pausedAtTarget: true,
      tail: { length: since === 0 ? 2 : 12 },
    });
  }
  await writeFile(
    `${pgdata}.pitr-run/postgresql.log`,
    line(`statement: select 'x [1] LOG:  pausing at the end'`).repeat(10_000),
  );
  expect((await startLog(ground.play.host(), ref)).pausedAtTarget).toBe(false);
});
