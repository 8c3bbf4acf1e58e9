import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { postgresBin, postgresHome } from '../../lab/topology.ts';
import { Masker } from '../../lib/base/values/masker.ts';
import { probeScript } from '../../lib/contract/probe.ts';
import { commitRuns } from '../../lib/engine/back/commit.ts';
import { endOrphans } from '../../lib/engine/back/orphans.ts';
import { beginningHere } from '../../lib/engine/journal/beginning.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { JOURNAL_VERSION } from '../../lib/engine/journal/records.ts';
import { JournalWriter } from '../../lib/engine/journal/writer.ts';
import { readDestination } from '../../lib/recovery/barman/destination.ts';
import { endReceivingRsync } from '../../lib/recovery/barman/end-rsync.ts';
import { atNextStart, openAccess } from '../../lib/recovery/patroni/closed-access.ts';
import { parseAtWork } from '../../lib/recovery/postgres/at-work.ts';
import { AT_WORK } from '../../lib/recovery/postgres/at-work-script.ts';
import { type OwnContainer, ownContainer, sweepContainers } from '../modules/own-container.ts';
import { Playground } from '../modules/playground.ts';
import { errorOf } from '../support/errors.ts';

/**
 * A container like those of the lab: root lacks SYS_PTRACE and may not look into the processes of others. It may mount,
 * so that /proc can be told to hide processes.
 */
let container: OwnContainer;
let play: Playground;

/** Whether PostgreSQL works in each of these data directories. */
const TRUTH = {
  /** A server that serves. */
  running: true,
  /** A backend goes on in it after its postmaster was killed. */
  orphan: true,
  /** A server whose postmaster.pid somebody has removed. */
  unnamed: true,
  /** Was shut down. */
  shut: false,
  /** Killed with all its processes; its postmaster.pid and its shared memory are left. */
  killed: false,
  /** Copied from the running one, with its postmaster.pid. */
  copied: false,
} as const;
type State = keyof typeof TRUTH;
const states = Object.keys(TRUTH) as readonly State[];

const at = (state: State): string => `${postgresHome}/${state}`;

const MAKE = `set -e
cd ${postgresHome}
bin=${postgresBin}
$bin/initdb -D shut -A trust >/dev/null
port=6001
for d in running orphan unnamed killed; do
  cp -a shut $d
  echo "port = $port
unix_socket_directories = '/tmp'" >>$d/postgresql.conf
  $bin/pg_ctl -D $d -l $d.log -w -s start
  port=$((port + 1))
done
# Of a server at work: files go while they are copied.
until cp -a running copied; do rm -r copied; done
read -r pid <orphan/postmaster.pid
psql -h /tmp -p 6002 -c 'select pg_sleep(1000)' postgres >/dev/null 2>&1 &
until backend=$(psql -h /tmp -p 6002 -Atc "select pid from pg_stat_activity where query = 'select pg_sleep(1000)'" postgres) && [ -n "$backend" ]; do :; done
kill -STOP $backend
kill -KILL $pid
read -r pid <unnamed/postmaster.pid
kill -STOP $pid
rm unnamed/postmaster.pid
read -r pid <killed/postmaster.pid
kill -KILL $pid
while [ "$(awk -v id="$(sed -n '7s/.* //p' killed/postmaster.pid)" '$2 == id { print $7 }' /proc/sysvipc/shm)" != 0 ]; do :; done`;

beforeAll(async () => {
  await sweepContainers();
  container = await ownContainer('SYS_ADMIN');
  play = new Playground({ here: { kind: 'docker', container: container.name } });
  await play.host().must(['sh', '-c', MAKE], { user: 'postgres', timeoutMs: 120_000 });
});

afterAll(async () => {
  await play?.close();
  await container?.[Symbol.asyncDispose]();
});

const ASK = probeScript(`${AT_WORK}
postgres_at_work "$1" $2`);

async function ask(state: State, user: string, below = '', timeoutMs = 30_000): Promise<string> {
  const asked = await play.host().query(ASK([at(state), below], { user, timeoutMs }));
  return parseAtWork(asked.stdout).answer;
}

async function asked(user: string, below = ''): Promise<Readonly<Record<string, string>>> {
  const answers: Record<string, string> = {};
  for (const state of states) answers[state] = await ask(state, user, below);
  return answers;
}

const ALL_KNOWN = { running: 'yes', orphan: 'yes', unnamed: 'yes', shut: 'no', killed: 'no', copied: 'no' };
const ALL_UNKNOWN = Object.fromEntries(states.map((state) => [state, 'unknown']));

async function hide(hidepid: 0 | 1 | 2): Promise<void> {
  await play.host().must(['mount', '-o', `remount,hidepid=${hidepid}`, '/proc']);
}

/** The states whose answer is the contrary of the truth. */
function wrong(answers: Readonly<Record<string, string>>): readonly string[] {
  return states.filter((state) => answers[state] === (TRUTH[state] ? 'no' : 'yes'));
}

describe.each([0, 1, 2] as const)('whether PostgreSQL works in a directory, with hidepid=%i', (hidepid) => {
  beforeAll(() => hide(hidepid));
  afterAll(() => hide(0));

  it.each(['root', 'postgres'])('%s can tell, of every state', async (user) => {
    expect(await asked(user)).toEqual(ALL_KNOWN);
    expect(await asked(user, 'below')).toEqual(ALL_KNOWN);
  });

  it('another user cannot tell, and says so', async () => {
    expect(await asked('barman')).toEqual(ALL_UNKNOWN);
  });
});

const TOOLS = ['stat', 'readlink', 'id', 'find', 'sed', 'setpriv', 'runuser', 'su', 'getconf', 'od', 'sleep'];

/** Runs a text of sh with programs away, which are put back. */
async function without<T>(tools: readonly string[], work: () => Promise<T>, host = play.host()): Promise<T> {
  const move = (from: string, to: string) =>
    host.must([
      'sh',
      '-ec',
      `from=$1 to=$2; shift 2; for t do for d in /usr/bin /usr/sbin; do
         if [ -e "$d/$t$from" ] || [ -L "$d/$t$from" ]; then mv "$d/$t$from" "$d/$t$to"; fi; done; done`,
      'sh',
      from,
      to,
      ...tools,
    ]);
  await move('', '.away');
  try {
    return await work();
  } finally {
    await move('.away', '');
  }
}

describe('with a tool missing, no answer is wrong', () => {
  // A user that looks is become with one of these, whatever is missing.
  it.each(TOOLS)('%s, as root', async (tool) => {
    expect(wrong(await without([tool], () => asked('root', 'below')))).toEqual([]);
  });

  it('none to become the owner with: shared memory and the control file tell what they can', async () => {
    const answers = await without(['setpriv', 'runuser', 'su'], async () => {
      const found: Record<string, string> = {};
      for (const state of states) {
        const { stdout } = await play.host().query(ASK([at(state), '']));
        found[state] = parseAtWork(stdout).answer;
      }
      return found;
    });
    expect(answers).toEqual({
      running: 'yes',
      orphan: 'yes',
      unnamed: 'unknown',
      shut: 'no',
      killed: 'no',
      copied: 'yes',
    });
  });
});

it('a look that does not come to an end is no answer', async () => {
  const host = play.host();
  await host.must([
    'sh',
    '-c',
    'mv /usr/bin/stat /usr/bin/stat.away; printf "#!/bin/sh\\nexec sleep 100\\n" >/usr/bin/stat; chmod +x /usr/bin/stat',
  ]);
  try {
    for (const state of ['running', 'shut'] as const)
      expect(await ask(state, 'root', '', 1500)).toBe('unknown');
  } finally {
    await host.must(['mv', '/usr/bin/stat.away', '/usr/bin/stat']);
  }
});

// The first process of a pid namespace, as of a container, that waits for one whose parent is outside (as those of
// `docker exec` are) and does not take note of its end: killed, it has no directory any more, and is not yet a zombie.
const ENDS = `
import os, pwd, signal
user = pwd.getpwnam("postgres")
def begun(path, name):
    pid = os.fork()
    if pid == 0:
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        os.execv(path, [path, "1000"])
    while open("/proc/%d/comm" % pid).read().strip() != name:
        pass
    return pid
first = begun("/tmp/ends/postgres", "postgres")
begun("/usr/bin/sleep", "sleep")
os.kill(first, signal.SIGKILL)
while os.path.exists("/proc/%d/cwd" % first):
    pass
print(os.getpid(), open("/proc/%d/stat" % first).read().rpartition(") ")[2], flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
os.wait(), os.wait()`;

it('a process that is on its way out works nowhere, however long it waits for others', async () => {
  const host = play.host();
  const { stdout } = await host.must([
    'sh',
    '-c',
    `mkdir /tmp/ends && cp "$(command -v sleep)" /tmp/ends/postgres || exit
unshare --pid python3 -c "$1" >/tmp/ends/told 2>&1 &
until grep -q . /tmp/ends/told; do :; done; cat /tmp/ends/told`,
    'sh',
    ENDS,
  ]);
  expect(stdout).toMatch(/^\d+ [RSD] /);
  const [outside = ''] = stdout.split(' ');
  try {
    for (const user of ['root', 'postgres']) expect([user, await asked(user)]).toEqual([user, ALL_KNOWN]);
  } finally {
    await host.must(['kill', '-CONT', outside]);
  }
});

it('commit removes nothing in which PostgreSQL works', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-commit-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const inventory = join(directory, 'inventory.yml');
  await writeFile(
    inventory,
    `all: { hosts: { here: { ansible_connection: docker, ansible_host: ${container.name} } } }\n`,
  );
  const journal = join(directory, 'runs/20261122T144512-7f3a/journal.jsonl');
  const writer = await JournalWriter.create(journal);
  await writer.durable({
    type: 'run.started',
    version: JOURNAL_VERSION,
    ...beginningHere(),
    runId: '20261122T144512-7f3a',
    playbook: join(directory, 'recover.yml'),
    inventories: [inventory],
    extraVars: {},
  });
  await writer.close();
  const commit = async (path: string) =>
    commitRuns(
      {
        runs: [await readRun(journal)],
        inventories: [inventory],
        extraVars: {},
        signal: new AbortController().signal,
        masker: new Masker(),
        again: 'pitr commit',
        leftOut: new Set<string>(),
        warn: () => {},
        report: () => {},
        prove: async () => {},
      },
      [{ host: 'here', path, kind: 'old data', identity: undefined, run: 'r' }],
    );
  for (const state of states.filter((one) => TRUTH[one])) {
    expect(await commit(at(state))).toMatchObject({ kind: 'refused', code: 'postgres-at-work' });
  }
  await play.host().must(['cp', '-a', at('shut'), `${postgresHome}/kept`]);
  expect(await commit(`${postgresHome}/kept`)).toBeUndefined();
  await play
    .host()
    .must(['sh', '-c', '[ -d "$1" ] && [ ! -e "$2" ]', 'sh', at('running'), `${postgresHome}/kept`]);
});

describe('what may not be looked at is not taken for what is not there', () => {
  const closed = '/srv/closed/pgdata';
  beforeAll(async () => {
    await play.host().must(['sh', '-c', `mkdir -p ${closed} && chmod 0700 /srv/closed`]);
  });

  it('a place to copy a backup to', async () => {
    await expect(readDestination(play.host(), closed, 'postgres', [])).rejects.toMatchObject({
      code: 'destination-unreadable',
    });
    await expect(readDestination(play.host(), '/srv', 'postgres', [closed])).rejects.toMatchObject({
      code: 'destination-unreadable',
    });
  });

  it('a data directory', async () => {
    await expect(play.run('postgres.instance', { pgdata: closed }, 'here', 'postgres')).rejects.toMatchObject(
      {
        code: 'data-directory-unreadable',
      },
    );
  });

  it('the rules that were kept aside', async () => {
    const bin = postgresBin;
    const error = await errorOf(
      openAccess(play.host(), { pgdata: closed, bin, user: 'postgres' }, atNextStart),
    );
    expect(error).toMatchObject({ kind: 'failed', code: 'command-failed' });
    await openAccess(play.host(), { pgdata: at('shut'), bin, user: 'postgres' }, atNextStart);
  });
});

describe('what a dead controller left at work', () => {
  const CHANGE = { mark: 'r1.7', ageMs: 1000 };
  const leave = async (user: string, host = play.host()): Promise<void> => {
    const marked = 'until grep -qz PITR_CHANGE /proc/$!/environ; do sleep 0.05; done';
    const script = `PITR_CHANGE=r1.7 setsid sleep 1000 >/dev/null 2>&1 & ${marked}`;
    await host.must(['sh', '-c', script], { user, timeoutMs: 30_000 });
  };

  it('is found by root, whoever it works as, and ended', async () => {
    for (const user of ['root', 'postgres', 'barman']) await leave(user);
    expect(await endOrphans(play.host(), CHANGE)).toBe(3);
    expect(await endOrphans(play.host(), CHANGE)).toBe(0);
  });

  it('is found by the user that it works as where /proc hides it from root', async () => {
    await hide(2);
    onTestFinished(() => hide(0));
    await leave('barman');
    expect(await endOrphans(play.host(), CHANGE, 'barman')).toBe(1);
  });

  it.each(['grep', 'stat', 'id'])('is not taken for ended where %s is missing', async (tool) => {
    await without([tool], async () => {
      await expect(endOrphans(play.host(), CHANGE)).rejects.toMatchObject({
        kind: 'refused',
        code: 'processes-unknown',
      });
    });
  });

  // A root that may administer the system may read every environment; one in a plain container may not.
  it('nobody to become the other users with: cannot tell', async () => {
    await using plain = await ownContainer();
    await using there = new Playground({ here: { kind: 'docker', container: plain.name } });
    const host = there.host();
    await leave('barman', host);
    await without(
      ['setpriv', 'runuser', 'su'],
      async () => {
        await expect(endOrphans(host, CHANGE)).rejects.toMatchObject({ code: 'processes-unknown' });
      },
      host,
    );
    expect(await endOrphans(host, CHANGE)).toBe(1);
    expect(await endOrphans(host, CHANGE)).toBe(0);
  });

  it('an rsync that writes is found by its command line, and cannot be told without tr', async () => {
    const host = play.host();
    await host.must(
      ['bash', '-c', `setsid bash -c "exec -a 'rsync --server . /srv/x' sleep 1000" >/dev/null 2>&1 &`],
      { user: 'postgres' },
    );
    const there = () => host.run(['pgrep', '-f', '^rsync --server . /srv/x']);
    await expect.poll(async () => (await there()).exitCode, { timeout: 20_000 }).toBe(0);
    await without(['tr'], async () => {
      await expect(endReceivingRsync(host, ['/srv/x'], 'postgres')).rejects.toMatchObject({
        kind: 'refused',
        code: 'processes-unknown',
      });
    });
    await endReceivingRsync(host, ['/srv/x'], 'postgres');
    expect((await there()).stdout).toBe('');
  });
});

describe('a directory that another server is being copied into', () => {
  const into = `${postgresHome}/copying`;
  const bin = postgresBin;
  const answer = async (path: string, user: string, below = '') => {
    const { stdout } = await play.host().query(ASK([path, below], { user }));
    return parseAtWork(stdout);
  };

  /** As Patroni leaves it behind: slow, and nobody waits for it. */
  async function copied(words: readonly string[], cwd: string): Promise<number> {
    const host = play.host();
    const script = 'cd "$1" && shift && setsid "$@" >/dev/null 2>&1 & echo $!';
    const copy = [`${bin}/pg_basebackup`, '-h', '/tmp', '-p', '6001', '-r', '32', '-c', 'fast', ...words];
    await host.must(['sh', '-c', script, 'sh', cwd, ...copy], { user: 'postgres' });
    await host.must(['sh', '-c', 'until [ -d "$1" ]; do sleep 0.1; done', 'sh', into], {
      timeoutMs: 30_000,
    });
    const { stdout } = await host.must(['pgrep', '-x', 'pg_basebackup']);
    onTestFinished(async () => {
      await host.run(['pkill', '-x', 'pg_basebackup']);
      await host.must([
        'sh',
        '-c',
        'while pgrep -x pg_basebackup; do sleep 0.1; done; rm -r "$1"',
        'sh',
        into,
      ]);
    });
    return Number(stdout.split('\n')[0]);
  }

  it.each([
    ['--pgdata=DIR', [`--pgdata=${into}`]],
    ['-D DIR', ['-D', into]],
    ['-D of where it was started', ['-D', 'copying']],
  ])('is one in which something works (%s)', async (_words, words) => {
    const pid = await copied(words, postgresHome);
    for (const [user, below] of [
      ['root', ''],
      ['root', 'below'],
      ['postgres', ''],
    ] as const) {
      const seen = await answer(into, user, below);
      expect(seen).toMatchObject({ answer: 'yes', processes: [] });
      expect(seen.answer === 'yes' && seen.copies).toContain(pid);
      expect(await answer(at('shut'), user, below)).toEqual({ answer: 'no' });
    }
    await hide(2);
    try {
      expect(await answer(into, 'root')).toMatchObject({ answer: 'yes' });
      expect(await answer(into, 'barman')).toMatchObject({ answer: 'unknown' });
    } finally {
      await hide(0);
    }
    await expect(play.run('fs.move', { src: into, dest: `${into}.moved` })).rejects.toMatchObject({
      kind: 'refused',
      code: 'postgres-at-work',
      message: expect.stringContaining('another server is being copied to'),
    });
    const instance = await play.run('postgres.instance', { pgdata: into });
    expect(instance.result).toMatchObject({ running: false });
  });
});

it('a directory is renamed where nobody works in it, and left with what is needed where that cannot be told', async () => {
  const move = (state: State) => play.run('fs.move', { src: at(state), dest: `${at(state)}.moved` });
  for (const state of ['running', 'orphan', 'unnamed'] as const) {
    await expect(move(state)).rejects.toMatchObject({ kind: 'refused', code: 'postgres-at-work' });
  }
  await expect(without(['setpriv', 'runuser', 'su'], () => move('unnamed'))).rejects.toMatchObject({
    kind: 'refused',
    code: 'postgres-at-work-unknown',
    next: expect.arrayContaining([expect.stringContaining('as root, or as the owner')]),
  });
  await play
    .host()
    .must(['sh', '-c', 'mkdir -p /srv/open/theirs; chmod 0777 /srv/open; chmod 0700 /srv/open/theirs']);
  await expect(
    play.run('fs.move', { src: '/srv/open/theirs', dest: '/srv/open/ours' }, 'here', 'barman'),
  ).rejects.toMatchObject({ kind: 'failed', code: 'path-unreadable' });
  for (const state of ['shut', 'killed'] as const) {
    expect((await move(state)).status).toBe('changed');
    await play.undo();
  }
});
