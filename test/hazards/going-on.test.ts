import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError, type PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { newDirectory, play } from '../engine/support.ts';
import { programAt } from '../modules/program-at.ts';
import { fakePrograms } from '../support/fake-programs.ts';

/** What a run that goes on looks at once more, before it stops the node that serves. */

interface Node {
  /** What Patroni's manager says of it. */
  readonly patroni?: string;
  /** Whether a process works in its data directory. */
  readonly runs?: boolean;
  /** The state in its control file; without it nobody can tell its role. */
  readonly control?: string | undefined;
  /** The files in its data directory that say how it was left. */
  readonly files?: readonly string[];
}

const LEFT: Node = {
  patroni: 'STOPPED',
  runs: true,
  control: 'in production',
  files: ['pg_hba.conf.pitr-open'],
};

/** How tasks refuse that are told by `vars`, on this machine as a node in that state. */
async function refusal(
  tasks: string,
  { patroni = 'STOPPED', runs = false, control, files = [] }: Node,
  vars: Readonly<Record<string, unknown>> = {},
): Promise<PitrErrorJson | undefined> {
  const directory = await newDirectory();
  const [data, bin] = [join(directory, 'data'), join(directory, 'bin')];
  await mkdir(data);
  await mkdir(bin);
  await writeFile(join(data, 'PG_VERSION'), '15\n');
  for (const file of files) await writeFile(join(data, file), '');
  await writeFile(join(data, 'postmaster.opts'), `${bin}/postgres "-D" "${data}"\n`);
  const words = control === undefined ? 'exit 1' : `cat <<'END'\n${controlData(control)}\nEND`;
  await writeFile(join(bin, 'pg_controldata'), `#!/bin/sh\n${words}\n`, { mode: 0o755 });
  await using _ = await fakePrograms({ supervisorctl: `echo "patroni ${patroni}"` });
  await using at = runs ? await programAt(directory, 'postgres', data) : undefined;
  expect(at?.pid !== undefined).toBe(runs);
  const all = { pgdata: data, service_manager: 'supervisor', target: 'one', members_gone: '', ...vars };
  const defaults = join(productPlaybooks(), 'vars/recovery.yml');
  const yaml = `- hosts: one\n  defaults_files: [${defaults}]\n  vars: ${JSON.stringify(all)}\n  tasks:\n${tasks}`;
  // Awaited here: the programs go at the end of this block.
  return await play(yaml, { directory }).then(
    ({ outcome }) => outcome.error?.toJSON(),
    (thrown: unknown) => asPitrError(thrown).toJSON(),
  );
}

/** While a process passes for a Patroni of the configuration that these variables name. */
async function beside(
  so: (pid: number | undefined, vars: Readonly<Record<string, unknown>>) => Promise<void>,
): Promise<void> {
  const config = join(await newDirectory(), 'own.yml');
  await writeFile(config, JSON.stringify({ scope: 'main', name: 'one' }));
  const patroni = spawn('tail', ['-f', config], { argv0: 'patroni', stdio: 'ignore' });
  const closed = once(patroni, 'close');
  try {
    await once(patroni, 'spawn');
    await so(patroni.pid, { patroni_config: config });
  } finally {
    patroni.kill();
    await closed;
  }
}

function controlData(state: string): string {
  const lines = {
    'Database system identifier': '7300000000000000001',
    'Database cluster state': state,
    "Latest checkpoint's TimeLineID": '5',
    'Latest checkpoint location': '0/3000060',
    "Latest checkpoint's REDO location": '0/3000028',
    'Minimum recovery ending location': '0/0',
    'Bytes per WAL segment': '16777216',
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}

const tasks = (file: string) => join(productPlaybooks(), 'tasks', file);

describe('before the first member is stopped, the recovered node', () => {
  const stillToLead = (node: Node, vars: Readonly<Record<string, unknown>> = {}) =>
    refusal(`    - import_tasks: ${tasks('still-to-lead.yml')}\n`, node, { ways: ['rollback.yml'], ...vars });

  it('waits closed, as a primary, with Patroni down', async () => {
    expect(await stillToLead(LEFT)).toBeUndefined();
  });

  it.each([
    ['where Patroni runs', { patroni: 'RUNNING pid 7' }],
    ['where Patroni has just been started', { patroni: 'STARTING' }],
    ['where it is a standby', { files: ['pg_hba.conf.pitr-open', 'standby.signal'] }],
    ['where it was a standby', { runs: false, control: 'shut down in recovery' }],
    ['where nobody can tell what it is', { control: undefined }],
    ['where it is no longer closed', { files: [] }],
  ])('is not passed over: %s', async (_, more) => {
    const refused = await stillToLead({ ...LEFT, ...more });
    expect(refused).toMatchObject({ kind: 'refused', code: 'recovered-node-taken', next: ['rollback.yml'] });
  });

  it('is not passed over where Patroni runs beside its service, and that is told', async () => {
    await beside(async (pid, vars) => {
      const refused = await stillToLead(LEFT, vars);
      expect(refused).toMatchObject({ kind: 'refused', code: 'recovered-node-taken' });
      expect(refused?.message).toContain(`Patroni runs beside its service (process ${pid}`);
    });
  });

  it('may be with Patroni already, in a run that goes on while nobody leads: its hand-over broke off', async () => {
    // Of a cluster that nobody leads.
    const written = (await readFile(tasks('still-to-lead.yml'), 'utf8'))
      .replaceAll('run_resumed', 'goes_on')
      .replace('patroni.cluster: {}', 'core.debug: nobody');
    const goesOn = (node: Node) =>
      refusal(written.replaceAll(/^/gm, '    '), node, { ways: ['rollback.yml'], goes_on: true });
    expect(await goesOn({ ...LEFT, patroni: 'STARTING' })).toBeUndefined();
    const standby = { ...LEFT, patroni: 'RUNNING', files: ['pg_hba.conf.pitr-open', 'standby.signal'] };
    expect((await goesOn(standby))?.code).toBe('recovered-node-taken');
  });

  it('is started again by a run that goes on, where it has only ended', async () => {
    const refused = await stillToLead({ ...LEFT, runs: false, control: 'shut down' });
    expect(refused?.code).toBe('recovered-node-down');
    expect(refused?.next?.join()).toMatch(/pitr resume \S+-/);
  });
});

describe('before the leader is stopped, a member that was stopped', () => {
  const stillDown = (node: Node, vars: Readonly<Record<string, unknown>> = {}) =>
    refusal(`    - import_tasks: ${tasks('still-down.yml')}\n`, node, { stops_last: 'two', ...vars });

  it('is still down', async () => {
    expect(await stillDown({})).toBeUndefined();
  });

  it.each([
    ['Patroni and PostgreSQL', { patroni: 'RUNNING pid 7', runs: true }],
    ['a Patroni that does not answer yet', { patroni: 'STARTING' }],
    ['a PostgreSQL without Patroni', { runs: true }],
  ])('is not passed over when it runs again: %s', async (_, node) => {
    const refused = await stillDown(node);
    expect(refused).toMatchObject({ kind: 'refused', code: 'member-runs-again' });
    const [stop, stopAlone, goOn] = refused?.next ?? [];
    expect(stop).toMatch(/pitr exec one -i \S+ -- supervisorctl stop patroni$/);
    expect(stopAlone).toMatch(/\/bin\/pg_ctl -D \S+\/data -m fast stop$/);
    expect(goOn).toMatch(/pitr resume \S+-/);
  });

  it('is told to run beside its service where it does, with what stops that one', async () => {
    await beside(async (pid, vars) => {
      const refused = await stillDown({}, vars);
      expect(refused).toMatchObject({ code: 'member-runs-again' });
      expect(refused?.message).toContain(`Patroni runs beside its service (process ${pid}`);
      expect(refused?.message).not.toContain('Patroni is stopped');
      expect(refused?.next?.[0]).toMatch(new RegExp(`pitr exec one -i \\S+ -- kill ${pid}$`));
    });
  });

  it('that cannot be seen refuses, unless it is gone for good', async () => {
    const unseen = { patroni: 'x"; exit 4; "' };
    expect(await stillDown(unseen)).toMatchObject({ kind: 'refused', code: 'member-state-unknown' });
    expect(await stillDown(unseen, { members_gone: 'two,one' })).toBeUndefined();
    expect((await stillDown({ runs: true }, { members_gone: 'one' }))?.code).toBe('member-runs-again');
    expect(await stillDown({ runs: true }, { stops_last: 'one' })).toBeUndefined();
  });
});

describe('a member that has joined since the members were noted', () => {
  const joined = (listed: readonly string[]) =>
    refusal(`    - import_tasks: ${tasks('no-new-member.yml')}\n`, {}, { covered: ['db1', 'db2'], listed });

  it('refuses, and is one of them once it is a host of the run that goes on', async () => {
    expect(await joined(['db1', 'db2'])).toBeUndefined();
    expect((await joined(['db1', 'db2', 'db3']))?.code).toBe('member-not-in-inventory');
    // `covered` is what the journal has; the play is that of now.
    expect(await joined(['db1', 'db2', 'one'])).toBeUndefined();
  });
});

describe('whoever leads when the leader is to be stopped', () => {
  interface Leads {
    readonly leader?: string;
    readonly timeline?: number;
    readonly skipped?: boolean;
  }
  const SKIPPED: Leads = { skipped: true };

  /** With what this run has looked at last, and a recovered node that has become timeline 6. */
  async function beforeTheStop(goes_on: boolean, leads: Leads): Promise<PitrErrorJson | undefined> {
    const all = (await loadPlaybook(join(productPlaybooks(), 'cutover.yml'))).plays.flatMap((one) =>
      flatTasks(one.tasks),
    );
    const stop = all.findIndex(({ name }) => name.value === 'Stop the old leader, last');
    const proof = all.slice(0, stop).findLast(({ args }) => args.value.refuse === 'timeline-taken');
    const args = JSON.stringify(proof?.args.value);
    const told = (proof?.vars ?? []).flatMap((one) => Object.entries(one));
    const vars = JSON.stringify(
      Object.fromEntries(told.filter(([name]) => name === 'leads').map(([name, { value }]) => [name, value])),
    ).replaceAll('run_resumed', 'goes_on');
    const looked = goes_on
      ? { leads_now: leads, leads_by_now: { leader: 'two', timeline: 5 } }
      : { leads_now: SKIPPED, leads_by_now: leads };
    return refusal(
      `    - core.assert: ${args}\n      vars: ${vars}\n      when: ${JSON.stringify(proof?.when.map(({ value }) => value))}\n`,
      {},
      { promoted: { timeline: 6 }, old: { leader: 'two', timeline: 5 }, goes_on, ...looked },
    );
  }

  it.each([
    ['the member that led before, as it was', { leader: 'two', timeline: 5 }],
    ['nobody', {}],
    ['nobody, of a cluster that has had that number', { timeline: 6 }],
    ['the recovered node itself', { leader: 'one', timeline: 6 }],
    ['one that does not tell', { leader: 'two' }],
    ['in a check: nobody has looked', SKIPPED],
  ])('has not taken the timeline: %s', async (_, leads) => {
    expect(await beforeTheStop(false, leads)).toBeUndefined();
    expect(await beforeTheStop(true, leads)).toBeUndefined();
  });

  it.each([false, true])('has taken it, and is not stopped (in a run that goes on: %s)', async (goesOn) => {
    const refused = await beforeTheStop(goesOn, { leader: 'two', timeline: 6 });
    expect(refused).toMatchObject({ kind: 'refused', code: 'timeline-taken' });
    expect(refused?.message).toContain('two leads by now, on timeline 6');
    expect(refused?.next?.map((way) => /pitr (runs|play rollback.yml)/.exec(way)?.[1])).toEqual([
      'runs',
      'play rollback.yml',
    ]);
  });
});

describe('before a node is handed over by a run that goes on', () => {
  const members = (node: Node, vars: Readonly<Record<string, unknown>> = {}) =>
    refusal(
      `    - core.set_fact: { again: { members: {} } }\n    - import_tasks: ${tasks('nobody-leads-again.yml')}\n`,
      { control: 'shut down in recovery', ...node },
      {
        promoted: { timeline: 6 },
        members: ['one'],
        look_at_members: true,
        ways: ['first', 'last'],
        ...vars,
      },
    );

  it('the other members are still down', async () => {
    expect(await members({})).toBeUndefined();
  });

  it.each([
    ['Patroni is running', { patroni: 'STARTING' }],
    ['PostgreSQL runs', { runs: true }],
  ])('one that runs, and does not lead yet, is not passed over: %s', async (words, node) => {
    const refused = await members(node);
    expect(refused).toMatchObject({ kind: 'refused', code: 'member-runs-again' });
    expect(refused?.details?.join()).toContain(`${words} on one`);
  });

  it('one whose Patroni runs beside its service is told so', async () => {
    await beside(async (pid, vars) => {
      const told = (await members({}, vars))?.details?.join();
      expect(told).toContain(`Patroni runs on one beside its service (process ${pid}`);
      expect(told).toContain(`kill ${pid}`);
    });
  });

  it('a service manager that does not answer refuses', async () => {
    expect((await members({ patroni: 'x"; exit 4; "' }))?.code).toBe('member-data-unknown');
  });
});

describe('the node that leads after a cut-over', () => {
  async function opened(node: Node, claim?: Readonly<Record<string, unknown>>) {
    const locks = join(await newDirectory(), 'locks');
    await mkdir(locks, { mode: 0o700 });
    if (claim !== undefined)
      await writeFile(join(locks, 'c.json'), JSON.stringify({ owner: 'a@b', ...claim }), { mode: 0o600 });
    const lock = { barman_host: 'one', barman_user: userInfo().username, lock_directory: locks };
    return refusal(`    - import_tasks: ${tasks('opened.yml')}\n`, node, { patroni_cluster: 'c', ...lock });
  }

  it('is open to its clients', async () => {
    expect(await opened({ ...LEFT, patroni: 'RUNNING', files: [] })).toBeUndefined();
  });

  it.each([
    ['pitr resume r2', { run: 'r2', about: ['r1'], state: 'working' }],
    ['pitr resume <its id>', undefined],
  ])('is finished by the run that has handed it over, as long as it is closed: %s', async (way, claim) => {
    const refused = await opened({ ...LEFT, patroni: 'RUNNING' }, claim);
    expect(refused).toMatchObject({ kind: 'refused', code: 'cut-over-unfinished' });
    expect(refused?.next?.at(-1)).toBe(`Go on with it: ${way}`);
  });
});

/** The tasks of a playbook in order, by their names. */
async function namesIn(file: string): Promise<readonly string[]> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), file));
  return plays.flatMap((one) => flatTasks(one.tasks)).map(({ name }) => name.value);
}

describe('what is looked at stands between the changes', () => {
  it.each([
    [
      'cutover.yml',
      [
        'The cut-over has opened the node that leads',
        'The target does not lead already',
        'Still no member that this run does not stop',
        'PostgreSQL runs on the recovered node',
        'Stop the replicas',
        'PostgreSQL runs on the recovered node',
        'No other history has taken its timeline meanwhile',
        'Still no member that this run does not stop',
        'Nobody has started the member again',
        'Stop the old leader, last',
        'No other member runs again',
        'Hand the recovered node to Patroni',
        // Before the members are rebuilt, as rejoin.yml does it.
        'Open it to clients',
        'The cut-over has opened the node that leads',
      ],
    ],
    [
      'revert.yml',
      [
        'Stop the replicas',
        'Nobody has started the member again',
        'Stop the leader, last',
        'No other member runs again',
        'Hand it to Patroni',
      ],
    ],
    [
      'rejoin.yml',
      ['The cut-over has opened the node that leads', 'Lock the cluster against other recoveries'],
    ],
    [
      'rejoin.yml',
      [
        // Before members are rebuilt from it, and before the recovery counts as cut over.
        'Its data is still what was promoted',
        'Its data is still what was promoted',
        'Prove that its WAL is archived',
        'Put the note with the old data',
      ],
    ],
  ])('in %s', async (file, wanted) => {
    const names = await namesIn(file);
    expect(names.filter((name) => wanted.includes(name))).toEqual(wanted);
  });
});
