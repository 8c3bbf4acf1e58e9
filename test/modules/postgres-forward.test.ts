import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { effectiveSettings, quoteConf } from '../../lib/recovery/postgres/conf-file.ts';
import { errorOf } from '../support/errors.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { productTemplate } from './product-template.ts';
import { programAt } from './program-at.ts';

/** `postgres.forward` by a shell of this machine, beside a process that works in the data like an isolated PostgreSQL. */

const SEGMENT = '000000010000000000000006';
const EARLIER = '2026-11-22 09:00:00+00';
const LATER = '2026-11-22 10:00:00+00';

let ground: LocalPlayground;
const at = (name: string): string => join(ground.dir, name);

beforeEach(async () => {
  ground = await localPlayground();
  ground.play.template = (extra, path) => productTemplate(path, extra);
  for (const name of ['bin', 'main', 'main.pitr-run']) await mkdir(at(name));
  await writeFile(at('main/PG_VERSION'), '15\n');
  await writeFile(at('main/standby.signal'), '');
  const control = `Database system identifier: 7574860154936918053
Database cluster state: in archive recovery
Latest checkpoint location: 0/5000028
Latest checkpoint's REDO location: 0/5000028
Latest checkpoint's TimeLineID: 1
Minimum recovery ending location: 0/50000A0
Bytes per WAL segment: 16777216`;
  await program('pg_controldata', `cat <<'END'\n${control}\nEND`);
  await aimedAt(EARLIER);
});
afterEach(() => ground[Symbol.asyncDispose]());

async function program(name: string, script: string): Promise<void> {
  await writeFile(at(`bin/${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** What the file says, as postgres.recovery leaves it. */
async function aimedAt(time: string): Promise<void> {
  const settings = {
    work_mem: '64MB',
    restore_command: 'echo "pitr: absent %f"; exit 1',
    recovery_target_timeline: '1',
    recovery_target_time: time,
    recovery_target_action: 'pause',
  };
  const text = Object.entries(settings).map(([name, value]) => `${name} = ${quoteConf(value)}\n`);
  await writeFile(at('main/postgresql.auto.conf'), text.join(''));
}

/** It runs isolated. */
async function runs() {
  const process = await programAt(ground.dir, 'postgres', at('main'));
  const words = ['-D', at('main'), '-c', 'listen_addresses=', '-c', 'archive_command='];
  const options = words.map((word) => `"${word}"`).join(' ');
  await writeFile(at('main/postmaster.opts'), `${at('bin/postgres')} ${options}\n`);
  const pid = [process.pid, at('main'), 1_795_340_083, 5432, at('main.pitr-run'), '', 1, 'standby'];
  await writeFile(at('main/postmaster.pid'), `${pid.join('\n')}\n`);
  const position = JSON.stringify({ lsn: '0/50000A0', commit: '2026-11-22 08:59:00.000000+00' });
  await program('psql', `echo '${position}'`);
  return process;
}

/** What it would do, as `--check` tells. */
async function forward(more: Readonly<Record<string, unknown>> = {}) {
  const params = { target: LATER, pgdata: at('main'), bin: at('bin'), user: userInfo().username, ...more };
  const [outcome] = await ground.play.check(['postgres.forward', params]);
  const text = outcome?.diff?.[0]?.after ?? '';
  return { status: outcome?.status, text, written: effectiveSettings(text) };
}

describe('a moment that lies where WAL ends with the beginning of a segment', () => {
  const beginning = {
    partial: { segment: SEGMENT, server: 'db1' },
    server: 'db1',
    servers: ['db1', 'db2'],
    begin_wal: '000000010000000000000003',
  };
  const FETCHES = new RegExp(`"\\$f" = ${SEGMENT} \\]; then server=db1; if barman get-wal --partial`);

  it('is aimed at together with a restore_command that fetches that beginning', async () => {
    await using _ = await runs();
    const { status, text, written } = await forward(beginning);
    expect(status).toBe('changed');
    expect(written.get('recovery_target_time')).toBe(LATER);
    expect(written.get('restore_command')).toMatch(FETCHES);
    expect(written.get('restore_command')).toContain(beginning.begin_wal);
    expect(written.get('work_mem')).toBe('64MB');
    expect(text.match(/^restore_command/gm)).toHaveLength(1);
  });

  it('leaves restore_command as it is where no beginning is needed', async () => {
    await using _ = await runs();
    const { written } = await forward({ server: 'db1' });
    expect(written.get('restore_command')).toBe('echo "pitr: absent %f"; exit 1');
  });

  it('is refused where nobody says which servers have it', async () => {
    const { servers: _servers, server: _server, ...alone } = beginning;
    expect(String(await errorOf(forward(alone)))).toContain('the Barman servers that hold the WAL');
  });

  it('is told to it by forward.yml, as a first recovery is told', async () => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), 'forward.yml'));
    const tasks = plays.flatMap(({ tasks: steps }) => flatTasks(steps));
    const task = tasks.find(({ module }) => module === 'postgres.forward');
    expect(task?.args.value).toMatchObject({
      partial: '{{ default aimed.partial omit }}',
      server: '{{ recovery.server }}',
      begin_wal: '{{ wal_now.begin_wal }}',
      spool: '{{ wal_spool }}',
    });
  });
});
