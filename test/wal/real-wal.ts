import { execFile, spawn } from 'node:child_process';
import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { needProgram } from '../support/packages.ts';

const execute = promisify(execFile);
const PROGRAMS = '/usr/lib/postgresql/15/bin';

/** A real PostgreSQL of this machine, with an archive of its WAL; gone with the test. */
export class RealPostgres {
  readonly directory: string;
  readonly archive: string;
  readonly #identity: { readonly uid?: number; readonly gid?: number };

  private constructor(directory: string, identity: { readonly uid?: number; readonly gid?: number }) {
    this.directory = directory;
    this.archive = join(directory, 'archive');
    this.#identity = identity;
  }

  static async start(
    segmentMib: number,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<RealPostgres> {
    await needProgram(`${PROGRAMS}/initdb`, 'postgresql-15');
    const directory = await mkdtemp(join(tmpdir(), 'pitr-wal-'));
    const identity = await postgresUser();
    const server = new RealPostgres(directory, identity);
    await mkdir(server.archive);
    for (const path of [directory, server.archive])
      if (identity.uid !== undefined) await chown(path, identity.uid, identity.gid ?? identity.uid);
    await server.#program('initdb', [
      '-D',
      server.#data,
      '-U',
      'postgres',
      '-A',
      'trust',
      `--wal-segsize=${segmentMib}`,
      '-E',
      'UTF8',
      '--locale=C',
    ]);
    const all = {
      listen_addresses: '',
      unix_socket_directories: directory,
      fsync: 'off',
      archive_mode: 'on',
      archive_command: `cp %p ${server.archive}/%f`,
      wal_level: 'replica',
      max_prepared_transactions: '5',
      ...settings,
    };
    await writeFile(
      join(server.#data, 'postgresql.auto.conf'),
      Object.entries(all)
        .map(([name, value]) => `${name} = '${value}'\n`)
        .join(''),
    );
    await server.#program('pg_ctl', ['-D', server.#data, '-w', '-s', '-l', join(directory, 'log'), 'start']);
    return server;
  }

  get #data(): string {
    return join(this.directory, 'data');
  }

  /** Runs statements, each in a transaction of its own unless the text opens one; what they print. */
  async sql(text: string): Promise<string> {
    const { stdout } = await this.#program(
      'psql',
      ['-XAtq', '-h', this.directory, '-U', 'postgres', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres'],
      text,
    );
    return stdout.trim();
  }

  /** Closes the segment and waits until all of them are archived; their names in order. */
  async archived(): Promise<readonly string[]> {
    // The switch is a statement of its own: it belongs to no transaction that it could cut off.
    // It tells where it stands itself: what is written by then may lie segments behind what was inserted.
    const last = await this.sql('select pg_walfile_name(pg_switch_wal())');
    for (;;) {
      const done = await this.sql('select last_archived_wal from pg_stat_archiver');
      const names = (await readdir(this.archive)).filter((name) => /^[0-9A-F]{24}$/.test(name)).sort();
      if (done >= last) return names;
      await this.sql('select pg_sleep(0.05)');
    }
  }

  segment(name: string): Promise<Uint8Array> {
    return readFile(join(this.archive, name));
  }

  /** `pg_waldump` over archived segments. */
  async waldump(first: string, last: string): Promise<string> {
    const { stdout } = await this.#program('pg_waldump', ['-p', this.archive, first, last]);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program('pg_ctl', ['-D', this.#data, '-w', '-s', '-m', 'immediate', 'stop']);
    await rm(this.directory, { recursive: true, force: true });
  }

  async #program(
    name: string,
    args: readonly string[],
    input?: string,
  ): Promise<{ readonly stdout: string }> {
    const child = spawn(join(PROGRAMS, name), args, {
      ...this.#identity,
      cwd: this.directory,
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' },
      stdio: [
        input === undefined ? 'ignore' : 'pipe',
        name === 'pg_ctl' ? 'ignore' : 'pipe',
        name === 'pg_ctl' ? 'ignore' : 'pipe',
      ],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    // What ended before it had read all of it tells so by its exit code.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    // pg_waldump ends with 1 at the end of the WAL, which is no failure here.
    if (code !== 0 && name !== 'pg_waldump')
      throw new Error(`${name} ended with ${code}: ${Buffer.concat(err).toString()}`);
    return { stdout: Buffer.concat(out).toString() };
  }
}

/** PostgreSQL refuses to run as root: then it runs as the user of Debian's package. */
async function postgresUser(): Promise<{ readonly uid?: number; readonly gid?: number }> {
  if (userInfo().uid !== 0) return {};
  const { stdout } = await execute('id', ['-u', 'postgres']);
  const group = await execute('id', ['-g', 'postgres']);
  return { uid: Number(stdout), gid: Number(group.stdout) };
}
