import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATRONI_PROCESSES } from '../../../../lib/recovery/patroni/processes.ts';
import {
  LIVING_PATRONI,
  livingWords,
  SERVED_PATRONI,
  stopsLiving,
} from '../../../../lib/recovery/patroni/service-process.ts';
import { fakePrograms } from '../../../support/fake-programs.ts';

let directory: string;
let hosts = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-served-patroni-'));
});

afterAll(() => rm(directory, { recursive: true }));

type Process = readonly [pid: number, parent: number, ...words: string[]];

/** What is told of the service whose main process is 100, which is to run the Patroni of /p.yml. */
const told = (...processes: readonly Process[]): Promise<string> => toldOf('/p.yml', ...processes);

async function toldOf(config: string, ...processes: readonly Process[]): Promise<string> {
  return asked(`${SERVED_PATRONI}\nserved_patroni "$1" 100 "$2"`, config, processes);
}

/** Which Patroni of the configuration is told to live, whatever its service says. */
const livingOf = (config: string, ...processes: readonly Process[]): Promise<string> =>
  asked(`${LIVING_PATRONI}\nliving_patroni "$1" "$2"`, config, processes);

async function asked(
  question: string,
  config: string,
  processes: readonly Process[],
  /** Files of each process, or, as `99/environ`, of one. */
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const proc = join(directory, `proc${hosts++}`);
  for (const [pid, parent, ...words] of processes) {
    await mkdir(join(proc, String(pid)), { recursive: true });
    await writeFile(join(proc, String(pid), 'cmdline'), words.map((word) => `${word}\0`).join(''));
    await writeFile(join(proc, String(pid), 'status'), `Name:\tx\nPPid:\t${parent}\n`);
  }
  for (const [name, text] of Object.entries(more)) {
    const of = name.includes('/') ? [''] : processes.map(([pid]) => String(pid));
    await Promise.all(of.map((pid) => writeFile(join(proc, pid, name), text)));
  }
  return spawnSync('sh', ['-c', `${PATRONI_PROCESSES}${question}`, 'sh', proc, config], {
    encoding: 'utf8',
  }).stdout.trim();
}

const INIT: Process = [1, 0, 'init'];

describe('the Patroni that a service runs', () => {
  it('is that of the configuration, by its own process or one that it has begun', async () => {
    expect(await told(INIT, [100, 1, 'python3', '/usr/bin/patroni', '/p.yml'])).toBe('@this');
    const wrapped: Process = [102, 100, 'python3', '/usr/bin/patroni', '/p.yml'];
    expect(await told(INIT, [100, 1, 'runuser', 'patroni', '/p.yml'], wrapped)).toBe('@this');
  });

  it.each([
    ['supervisord', ['/usr/bin/python3', '/usr/bin/supervisord', '-n']],
    ['cron', ['/usr/sbin/cron', '-f']],
    ['sshd', ['sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups']],
  ])('is one of several where the service is %s, which would take others along', async (name, words) => {
    const patroni: Process = [102, 100, 'python3', '/usr/bin/patroni', '/p.yml'];
    expect(await told(INIT, [100, 1, ...words], patroni)).toBe(`@among ${name}`);
    expect(await told(INIT, [100, 1, ...words], [102, 100, 'patroni'])).toBe(`@among ${name}`);
    // What it runs beside Patroni alone says nothing.
    expect(await told(INIT, [100, 1, ...words], [99, 1, 'patroni', '/p.yml'])).toBe('@unknown');
  });

  it.each<readonly [string, readonly string[]]>([
    ['as its own documents say', ['python3', '/opt/patroni/patroni.py', '/p.yml']],
    ['as a module', ['python3', '-m', 'patroni', '/p.yml']],
    ['with options of Python', ['python3', '-W', 'ignore', '-X', 'dev', '-u', '/usr/bin/patroni', '/p.yml']],
  ])('is found where it was started %s', async (_, words) => {
    expect(await told(INIT, [100, 1, ...words])).toBe('@this');
  });

  it('is that of a file in the directory that it was started with', async () => {
    const conf = join(directory, 'conf.d');
    await mkdir(join(conf, 'below'), { recursive: true });
    for (const name of ['main.yml', 'own.yaml', 'main.yml.old']) await writeFile(join(conf, name), '');
    await writeFile(join(conf, 'below', 'main.yml'), '');
    const started: Process = [100, 1, 'patroni', conf];
    expect(await toldOf(join(conf, 'main.yml'), INIT, started)).toBe('@this');
    expect(await toldOf(join(conf, 'own.yaml'), INIT, started)).toBe('@this');
    expect(await toldOf(join(conf, 'main.yml.old'), INIT, started)).toBe('@unknown');
    // Patroni does not look so deep.
    expect(await toldOf(join(conf, 'below', 'main.yml'), INIT, started)).toBe('@unknown');
  });

  it('is not known where another configuration cannot be read', async () => {
    const other: Process = [100, 1, 'python3', '/usr/bin/patroni', '/other.yml'];
    expect(await told(INIT, other, [99, 1, 'patroni', '/p.yml'])).toBe('@unknown');
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

describe('a Patroni of the configuration that lives while its service is down', () => {
  const LIVING: Process = [99, 1, 'python3', '/usr/bin/patroni', '/p.yml'];

  it('is found, whoever has started it, with the unit that it runs in', async () => {
    const question = `${LIVING_PATRONI}\nliving_patroni "$1" "$2"`;
    const cgroup = '0::/system.slice/system-patroni.slice/patroni@main.service\n';
    expect(await livingOf('/p.yml', INIT, LIVING)).toBe('@living 99');
    expect(await asked(question, '/p.yml', [INIT, LIVING], { cgroup })).toBe(
      '@living 99 patroni@main.service',
    );
    const session = { cgroup: '0::/user.slice/user-0.slice/session-3.scope\n' };
    expect(await asked(question, '/p.yml', [INIT, LIVING], session)).toBe('@living 99');
  });

  it('is found by a grep that sees nothing behind a NUL, as that of busybox', async () => {
    await using _ = await fakePrograms({
      grep: 'case "$*" in *patroni*) exit 1 ;; esac; exec /usr/bin/grep "$@"',
    });
    expect(await livingOf('/p.yml', INIT, LIVING, [98, 1, 'vi', '/p.yml'])).toBe('@living 99');
  });

  it('is the only one where that was started without a configuration file', async () => {
    expect(await livingOf('/p.yml', INIT, [99, 1, 'patroni'])).toBe('@living 99');
    expect(await livingOf('/p.yml', INIT, [99, 1, 'patroni'], [98, 1, 'patroni', '/other.yml'])).toBe('');
  });

  it('is none where none runs, or that of another configuration', async () => {
    expect(await livingOf('/p.yml', INIT)).toBe('');
    expect(await livingOf('/p.yml', INIT, [99, 1, 'vi', '/etc/patroni', '/p.yml'])).toBe('');
    expect(await livingOf('/p.yml', INIT, [99, 1, 'patroni', '/other.yml'])).toBe('');
  });

  it('is none in a container that the host shows: its paths are other files', async () => {
    const question = `${LIVING_PATRONI}\nliving_patroni "$1" "$2"`;
    const status = (pids: string) => ({ status: `PPid:\t1\nNSpid:\t${pids}\n` });
    expect(await asked(question, '/p.yml', [INIT, LIVING], status('99\t7'))).toBe('');
    expect(await asked(question, '/p.yml', [INIT, LIVING], status('99'))).toBe('@living 99');
  });
});

describe('the unit that a living Patroni runs in', () => {
  const LIVING: Process = [99, 50, 'python3', '/usr/bin/patroni', '/p.yml'];
  const USERS = '/user.slice/user-1000.slice/user@1000.service';

  /** What is told of it in this control group, where systemd names this main process of any unit, and its state. */
  const toldIn = async (place: string, main: string, ...beside: readonly Process[]): Promise<string> => {
    await using _systemctl = await fakePrograms({
      systemctl: main === '' ? 'exit 1' : `printf 'MainPID=%s\\nActiveState=%s\\n' ${main}`,
    });
    const cgroup = `0::${place}\n`;
    const question = `${LIVING_PATRONI}\nliving_patroni "$1" "$2"`;
    return await asked(question, '/p.yml', [INIT, LIVING, ...beside], { cgroup });
  };
  const SHELL: Process = [50, 1, 'sh', '/opt/db/run.sh'];

  it.each<readonly [string, string, string, readonly Process[], string]>([
    ['its main process is Patroni, whatever its name', '/system.slice/db.service', '99', [], ' db.service'],
    ['its main process has begun Patroni', '/system.slice/db.service', '50', [SHELL], ' db.service'],
    ['it has groups below', '/system.slice/db.service/main', '99', [], ' db.service'],
    ['its name tells enough', '/system.slice/patroni.service', '', [], ' patroni.service'],
    [
      'its name tells enough while it is up',
      '/system.slice/patroni.service',
      '0 active',
      [],
      ' patroni.service',
    ],
    ['it is down already', '/system.slice/patroni.service', '0 inactive', [], ' patroni.service -'],
    ['it has failed', '/system.slice/patroni.service', '0 failed', [SHELL], ' patroni.service -'],
    ['it is begun by another one', '/system.slice/db.service', '12', [SHELL], ' db.service -'],
    ['nobody names a main process', '/system.slice/db.service', '', [SHELL], ' db.service -'],
    [
      'it holds others',
      '/system.slice/cron.service',
      '50',
      [[50, 1, '/usr/sbin/cron', '-f']],
      ' cron.service cron',
    ],
    ['it is of a user', `${USERS}/app.slice/patroni.service`, '99', [], ' patroni.service user@1000.service'],
    [
      'it is of a user, with groups below',
      `${USERS}/patroni.service/main`,
      '99',
      [],
      ' patroni.service user@1000.service',
    ],
    ['a user holds it in none', `${USERS}/app.slice/term.scope`, '99', [], ''],
  ])(
    'is told, and what runs it where stopping the unit is not what stops it: %s',
    async (_, place, main, beside, unit) => {
      expect(await toldIn(place, main, ...beside)).toBe(`@living 99${unit}`);
    },
  );

  it.each([
    [{ unit: 'db.service' }, 'systemctl --no-ask-password stop -- db.service', ', in the unit db.service'],
    [{}, 'kill 99', ''],
    [{ unit: 'db.service', heldBy: '-' }, 'kill 99', ', in the unit db.service'],
    [{ unit: 'cron.service', heldBy: 'cron' }, 'kill 99', ', in the unit cron.service'],
    [
      { unit: 'supervisor.service', heldBy: 'supervisord' },
      'kill 99',
      ', in the unit supervisor.service, where supervisord may start it again',
    ],
    [
      { unit: 'patroni.service', heldBy: 'user@1000.service' },
      'kill 99',
      ', in the unit patroni.service of user@1000.service, which may start it again',
    ],
  ])('tells how it is stopped: %j', (unit, stop, words) => {
    expect(stopsLiving({ pid: 99, ...unit })).toBe(stop);
    expect(livingWords({ pid: 99, ...unit })).toBe(`process 99${words}`);
  });
});

/** A Python that can read YAML, as Patroni's own can. */
const READS_YAML = spawnSync('python3', ['-c', 'import yaml']).status === 0;

describe.runIf(READS_YAML)('a service that was started with another path', () => {
  const MAIN = 'scope: main\nname: db1\npostgresql: { data_dir: /data }\n';
  let sites = 0;

  /** What is told where the inventory names the first of these, and the service was started with the others. */
  const against = async (own: string, ...started: readonly string[]) => {
    const site = join(directory, `site${sites++}`);
    await mkdir(site);
    const paths = started.map((_, index) => join(site, `started${index}.yml`));
    await writeFile(join(site, 'own.yml'), own);
    await Promise.all(started.map((text, index) => writeFile(paths[index] ?? '', text)));
    const run = paths.map((path, index): Process => [100 + index, index === 0 ? 1 : 100, 'patroni', path]);
    return (await toldOf(join(site, 'own.yml'), INIT, ...run)).replace(`${site}/`, '');
  };

  it('runs another Patroni where scope or name are others', async () => {
    expect(await against(MAIN, MAIN.replace('main', 'other'))).toBe('@other started0.yml');
    expect(await against(MAIN, MAIN.replace('db1', 'db2'))).toBe('@other started0.yml');
  });

  it('runs the same one where that is a copy of its configuration', async () => {
    expect(await against(MAIN, `${MAIN}bootstrap: {}\n`)).toBe('@this');
    expect(await against(MAIN, MAIN.replace('main', 'other'), `${MAIN}bootstrap: {}\n`)).toBe('@this');
  });

  it('lives where a copy of its configuration was started beside the service', async () => {
    const site = join(directory, `site${sites++}`);
    await mkdir(site);
    const [own, copy, other] = ['own.yml', 'copy.yml', 'other.yml'].map((name) => join(site, name));
    await writeFile(own ?? '', MAIN);
    await writeFile(copy ?? '', `${MAIN}bootstrap: {}\n`);
    await writeFile(other ?? '', MAIN.replace('main', 'other'));
    expect(await livingOf(own ?? '', INIT, [99, 1, 'patroni', copy ?? ''])).toBe('@living 99');
    expect(await livingOf(own ?? '', INIT, [99, 1, 'patroni', other ?? ''])).toBe('');
  });

  it('is not known where one of them does not say what it is', async () => {
    expect(await against('scope: main\n', MAIN)).toBe('@unknown');
    expect(await against(MAIN, MAIN.replace('/data', '/other'))).toBe('@unknown');
    expect(await against(MAIN, MAIN.replace('main', 'other'), 'scope: [\n')).toBe('@unknown');
  });
});

describe.runIf(READS_YAML)('a Patroni that was started without a configuration file', () => {
  const MAIN = 'scope: main\nname: db1\npostgresql: { data_dir: /data }\n';
  const ENVIRONMENT = 'PATRONI_SCOPE=main\0PATRONI_NAME=db1\0PATRONI_POSTGRESQL_DATA_DIR=/data\0';
  let sites = 0;

  const site = async (): Promise<string> => {
    const own = join(directory, `environment${sites++}.yml`);
    await writeFile(own, MAIN);
    return own;
  };
  /** What is told of process 99, the only one of the host, whose environment is this. */
  const lives = async (environ: string): Promise<string> =>
    asked(`${LIVING_PATRONI}\nliving_patroni "$1" "$2"`, await site(), [INIT, [99, 1, 'patroni']], {
      '99/environ': environ,
    });
  /** And of the service that process 100 is. */
  const serves = async (environ: string, ...beside: readonly Process[]): Promise<string> =>
    asked(
      `${SERVED_PATRONI}\nserved_patroni "$1" 100 "$2"`,
      await site(),
      [INIT, [100, 1, 'patroni'], ...beside],
      { '100/environ': environ },
    );

  it.each([
    ['scope', ENVIRONMENT.replace('main', 'other')],
    ['name', ENVIRONMENT.replace('db1', 'db2')],
    ['scope, in a whole configuration', `PATRONI_CONFIGURATION=${MAIN.replace('main', 'other')}\0`],
  ])('is another one where its environment says another %s', async (_, environ) => {
    expect(await lives(environ)).toBe('');
    expect(await serves(environ)).toBe('@other the environment of process 100');
  });

  it.each([
    ['in variables', ENVIRONMENT],
    ['in a whole configuration', `PATRONI_CONFIGURATION=${MAIN}\0PATRONI_SCOPE=other\0`],
  ])('is that of the member where its environment says so %s, whoever runs beside it', async (_, environ) => {
    expect(await lives(environ)).toBe('@living 99');
    expect(await serves(environ, [99, 1, 'patroni', '/other.yml'])).toBe('@this');
  });

  it.each([
    ['nothing of it', 'PATH=/bin\0'],
    ['no more than the scope', 'PATRONI_SCOPE=main\0'],
    ['what cannot be read', 'PATRONI_CONFIGURATION=scope: [\0'],
  ])('counts where no other one runs, and its environment says %s', async (_, environ) => {
    expect(await lives(environ)).toBe('@living 99');
    expect(await serves(environ)).toBe('@this');
    expect(await serves(environ, [99, 1, 'patroni', '/other.yml'])).toBe('@unknown');
  });
});
