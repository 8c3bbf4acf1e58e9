import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { localPlayground } from './playground.ts';

/** What parses the file on a node is Patroni's own library. */
const withYaml = spawnSync('python3', ['-c', 'import yaml']).status === 0;

const CONFIG = `# written by hand
scope: main
postgresql:   # the server
  data_dir: /srv/main   # ours
  authentication:
    superuser: { username: postgres, password: "p'w # \\u00e9" }
  parameters:
    log_directory: /srv/mainly
tags: {nofailover: false}
`;

async function node(text: string) {
  const ground = await localPlayground();
  const config = join(ground.dir, 'patroni.yml');
  await writeFile(config, text);
  await chmod(config, 0o640);
  const task = { config, pgdata: '/srv/main', to: '/srv/main/data' };
  return { ...ground, config, task, [Symbol.asyncDispose]: () => ground[Symbol.asyncDispose]() };
}

describe.skipIf(!withYaml)('patroni.data_dir', () => {
  it.each([
    ['as it is', '/srv/main', '/srv/main/data'],
    ['in single quotes', "'/srv/main'", "'/srv/main/data'"],
    ['in double quotes', '"/srv/main"', '"/srv/main/data"'],
    ['with a slash at its end', '/srv/main/', '/srv/main/data'],
  ])('changes the one value, written %s, and nothing around it; and back', async (_, was, will) => {
    const text = CONFIG.replace('/srv/main ', `${was} `);
    await using there = await node(text);
    const { play, config, task, dir } = there;
    expect((await play.run('patroni.data_dir', task)).status).toBe('changed');
    expect(await readFile(config, 'utf8')).toBe(text.replace(`${was} `, `${will} `));
    expect((await stat(config)).mode & 0o7777).toBe(0o640);
    expect((await play.run('patroni.data_dir', task)).status).toBe('ok');
    expect(JSON.stringify(play.journal)).not.toContain("p'w");
    await play.undo();
    expect(await readFile(config, 'utf8')).toBe(text);
    expect(await readdir(dir)).toEqual(['patroni.yml']);
  });

  it('finds it in one of several files, with line ends of another system and letters of any language', async () => {
    await using there = await node('');
    const { play, dir } = there;
    const config = join(dir, 'conf');
    await mkdir(config);
    const own = '# größer\r\npostgresql: {bin_dir: /b, data_dir: /srv/main}\r\n';
    await writeFile(join(config, '1.yml'), 'postgresql: { listen: "*:5432" }\n');
    await writeFile(join(config, '2.yml'), own);
    const task = { config, pgdata: '/srv/main', to: '/srv/main/data' };
    expect((await play.run('patroni.data_dir', task)).result).toEqual({
      data_dir: '/srv/main/data',
      file: join(config, '2.yml'),
    });
    expect(await readFile(join(config, '2.yml'), 'utf8')).toBe(own.replace('main}', 'main/data}'));
  });

  it('reads all files of a directory that Patroni merges, in its order, and nothing else of it', async () => {
    await using there = await node('');
    const { play, dir } = there;
    const config = join(dir, 'conf');
    await mkdir(join(config, '4.yml'), { recursive: true });
    const named = (data: string) => `postgresql: { data_dir: ${data} }\n`;
    await writeFile(join(config, '1.yml'), 'postgresql: { parameters: { log_directory: /srv/main/log } }\n');
    await writeFile(join(config, '2.yaml'), named('/srv/main'));
    await writeFile(join(config, '3.yaml.old'), named('/srv/other'));
    const task = { config, pgdata: '/srv/main', to: '/srv/main/data' };
    expect((await play.run('patroni.data_setting', task)).result).toMatchObject({
      ...{ place: 'from', said: '/srv/main', file: join(config, '2.yaml'), times: 1 },
      mentions: ['postgresql.parameters.log_directory'],
    });
    await writeFile(join(config, '3.yml'), named('/srv/third'));
    expect((await play.run('patroni.data_setting', task)).result).toMatchObject({
      said: '/srv/third',
      times: 2,
    });
  });

  it.each([
    ['other data', 'postgresql: { data_dir: /srv/other }', 'data-setting-elsewhere'],
    ['no data', 'postgresql: { listen: 5432 }', 'data-setting-elsewhere'],
    ['a merge', 'x: &x { data_dir: /srv/main }\npostgresql: { <<: *x }', 'data-setting-not-once'],
    ['one key twice', 'postgresql: { data_dir: /srv/main, data_dir: /srv/main }', 'data-setting-not-once'],
    ['what is no YAML', 'postgresql: {', 'data-setting-unknown'],
  ])('is refused for %s', async (_, text, code) => {
    await using there = await node(text);
    const error = await errorOf(there.play.run('patroni.data_dir', there.task));
    expect(error).toMatchObject({ kind: 'refused', code });
    expect(await readFile(there.config, 'utf8')).toBe(text);
  });

  it('does not change what something else of the file hangs on', async () => {
    const text = 'x: &x /srv/main\npostgresql: { data_dir: *x }\n';
    await using there = await node(text);
    await expect(there.play.run('patroni.data_dir', there.task)).rejects.toMatchObject({
      code: 'data-setting-not-changed',
    });
    expect(await readFile(there.config, 'utf8')).toBe(text);
  });

  it('is not taken back where somebody has named another place since', async () => {
    await using there = await node(CONFIG);
    const { play, config, task } = there;
    await play.run('patroni.data_dir', task);
    const [entry] = play.journal;
    if (entry === undefined) throw new Error('nothing was journalled');
    await writeFile(config, CONFIG.replace('/srv/main ', '/srv/third '));
    await expect(play.mayUndo(entry)).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
    await expect(play.undo()).rejects.toMatchObject({ code: 'changed-since' });
  });
});

describe.skipIf(!withYaml)('patroni.data_setting', () => {
  it('tells what else names the data directory, by key alone, and what of the environment wins', async () => {
    const text = `${CONFIG}log: { dir: /srv/main/log }\nbootstrap: { x: /srv/main/y }\n`;
    await using there = await node(`${text}ctl: ["-D /srv/main", /mnt/srv/main, /srv/main.old]\n`);
    const look = async () => (await there.play.run('patroni.data_setting', there.task)).result;
    expect(await look()).toEqual({
      place: 'from',
      said: '/srv/main',
      file: there.config,
      times: 1,
      environment: 'unknown',
      mentions: ['ctl', 'log.dir'],
    });
    const run = async (env: Readonly<Record<string, string>>) => {
      const options = { argv0: 'patroni', stdio: 'ignore', env: { ...process.env, ...env } } as const;
      const patroni = spawn('tail', ['-f', there.config], options);
      const closed = once(patroni, 'close');
      try {
        await once(patroni, 'spawn');
        return await look();
      } finally {
        patroni.kill();
        await closed;
      }
    };
    expect(await run({})).not.toHaveProperty('environment');
    expect(
      await run({ PATRONI_POSTGRESQL_DATA_DIR: '/x', PATRONI_RESTAPI_CERTFILE: '/srv/main/rest.crt' }),
    ).toMatchObject({
      environment: 'PATRONI_POSTGRESQL_DATA_DIR',
      mentions: ['PATRONI_RESTAPI_CERTFILE', 'ctl', 'log.dir'],
    });
  });
});
