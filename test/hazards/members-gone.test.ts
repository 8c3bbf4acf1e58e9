import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { newDirectory, play } from '../engine/support.ts';
import { FakePatroni } from '../support/fake-patroni.ts';
import { fakePrograms } from '../support/fake-programs.ts';

/** A cut-over or a way back that goes on without members whose hosts are gone for good (`members_gone`). */

/** The first of them is gone: what is done once for all must not be left to it. */
const MEMBERS = ['three', 'one', 'two'];

/** One play of a playbook of the product as it is written, with variables of its own. */
async function onePlay(file: string, name: string, vars: Readonly<Record<string, unknown>>): Promise<string> {
  const text = await readFile(join(productPlaybooks(), file), 'utf8');
  const found = text.split(/^(?=- name: )/m).find((part) => part.startsWith(`- name: ${name}\n`)) ?? '';
  return found.replaceAll(/(?<=[ [])(?=(?:tasks|vars)\/[a-z-]+\.yml)/g, `${productPlaybooks()}/`).replace(
    '\n  vars:\n',
    `\n  vars:\n${Object.entries(vars)
      .map(([name, value]) => `    ${name}: ${JSON.stringify(value)}\n`)
      .join('')}`,
  );
}

/** A manager of services that knows one for each member. */
const manager = (directory: string) => `
case $1 in
status) echo "$2 $(cat ${directory}/$2)" ;;
stop) echo STOPPED >${directory}/$2 ;;
esac`;

/** Members on this machine, whose Patroni runs, each with data and old data. */
async function cluster() {
  const directory = await newDirectory();
  for (const member of MEMBERS) {
    for (const data of ['data', 'data.old']) {
      await mkdir(join(directory, member, data), { recursive: true });
      await writeFile(join(directory, member, data, 'PG_VERSION'), '15\n');
      await writeFile(join(directory, member, data, 'is'), data);
    }
    await writeFile(join(directory, `patroni-${member}`), 'RUNNING');
  }
  const rest = await FakePatroni.listening();
  const members = MEMBERS.map((name) => ({ name, role: 'replica', state: 'running' }));
  rest.told['/cluster'] = { scope: 'c', members };
  rest.told['/patroni'] = { state: 'stopped', role: 'replica', patroni: { scope: 'c' } };
  const programs = await fakePrograms({ supervisorctl: manager(directory) });
  return {
    directory,
    vars: {
      ...{ pgdata: `${directory}/{{ inventory_hostname }}/data`, old_data: '{{ pgdata }}.old' },
      ...{ service_manager: 'supervisor', patroni_service: 'patroni-{{ inventory_hostname }}' },
      ...{ patroni_port: rest.port, patroni_config: '/nowhere/patroni.yml', pg_user: userInfo().username },
      ...{ covered: MEMBERS, leader: 'one', recovery_run: 'r' },
    },
    [Symbol.asyncDispose]: async () => {
      await programs[Symbol.asyncDispose]();
      await rest[Symbol.asyncDispose]();
    },
  };
}

const HERE = { ansible_connection: 'local' };
/** Nothing listens on port 1. */
const AWAY = { ansible_host: '127.0.0.1', ansible_port: 1, ansible_user: userInfo().username };

describe('revert.yml, where the host of a member is gone for good since it was stopped', () => {
  it('puts the old data of the others back, and says that it was left as it is', async () => {
    await using found = await cluster();
    const { directory, vars } = found;
    const inventory = join(directory, 'hosts.yml');
    const isNow = (three: object) =>
      writeFile(inventory, JSON.stringify({ patroni: { hosts: { three, one: HERE, two: HERE } } }));
    const yaml = await onePlay('revert.yml', 'Stop the cluster', vars);
    await isNow(HERE);
    const controller = new AbortController();
    const reason = new PitrError({ kind: 'interrupted', code: 'interrupted', message: 'Ctrl-C' });
    const { outcome, results } = await play(yaml, {
      directory,
      inventories: [inventory],
      signal: controller.signal,
      seen: (event) => {
        if (event.type === 'task.finished' && event.task.name === 'Stop the replicas')
          controller.abort(reason);
      },
    });
    expect(outcome.error?.toJSON()).toMatchObject({ kind: 'interrupted' });
    expect(results).toContain('three: Stop the replicas: changed');

    await isNow(AWAY);
    const goOn = async (extraVars: Readonly<Record<string, unknown>>) => {
      const wish = { inventories: [], extraVars, mode: 'run', forks: 3, again: 'pitr resume' } as const;
      return play(yaml, { ...resumeRequest(await readRun(outcome.runId), wish), directory });
    };
    expect((await goOn({})).outcome.error?.toJSON()).toMatchObject({ kind: 'unreachable', host: 'three' });
    const { outcome: ended, messages } = await goOn({ members_gone: 'three' });
    expect(ended.error?.toJSON()).toBeUndefined();
    for (const member of ['one', 'two']) {
      expect(await readFile(join(directory, member, 'data/is'), 'utf8')).toBe('data.old');
      expect(await readFile(join(directory, member, `data.reverted.${ended.runId}/is`), 'utf8')).toBe('data');
    }
    expect((await readdir(join(directory, 'three'))).sort()).toEqual(['data', 'data.old']);
    expect(messages).toContain('three does not answer. It was called gone: it is left as it is.');
  });

  it('moves nothing where one that was called gone is alive: it would take the leadership', async () => {
    await using found = await cluster();
    const { directory, vars } = found;
    const inventory = join(directory, 'hosts.yml');
    await writeFile(inventory, JSON.stringify({ patroni: { hosts: { three: HERE, one: HERE, two: HERE } } }));
    const { outcome } = await play(await onePlay('revert.yml', 'Stop the cluster', vars), {
      directory,
      inventories: [inventory],
      extraVars: { members_gone: 'three' },
    });
    expect(outcome.error?.toJSON()).toMatchObject({ code: 'member-runs-again', host: 'three' });
    expect((await readdir(join(directory, 'one'))).sort()).toEqual(['data', 'data.old']);
  });
});

describe('what comes after the stop', () => {
  it.each([
    ['revert.yml', 'Start the other members'],
    ['cutover.yml', 'Say what is kept'],
    ['rejoin-members.yml', 'Rebuild the other members'],
  ])(
    'leaves them out, and whom the inventory does not have any more is no hindrance: %s, %s',
    async (file, name) => {
      const directory = await newDirectory();
      const inventory = join(directory, 'hosts.yml');
      await writeFile(
        inventory,
        JSON.stringify({ patroni: { hosts: { three: HERE, one: HERE, two: HERE } } }),
      );
      const { plays } = await loadPlaybook(join(productPlaybooks(), file));
      const yaml = `
- hosts: ${JSON.stringify(plays.find((play) => play.name === name)?.hosts.value)}
  defaults_files: [${join(productPlaybooks(), 'vars/recovery.yml')}]
  vars: { leader: one, target: one, pgdata: /srv/data }
  tasks:
    - core.debug: "{{ inventory_hostname }}"
`;
      const worked = async (members_gone: string) => {
        const request = { directory, inventories: [inventory], extraVars: { members_gone } };
        return (await play(yaml, request)).messages.filter((host) => host !== 'one').sort();
      };
      expect(await worked('')).toEqual(['three', 'two']);
      expect(await worked('four,three')).toEqual(['two']);
    },
  );

  it.each(['revert.yml', 'cutover.yml'])('stops none of them: their hosts are gone: %s', async (file) => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), file));
    const stop = plays
      .flatMap(({ tasks }) => flatTasks(tasks))
      .find(({ name }) => name.value === 'Stop the replicas');
    const { results } = await play(`
- hosts: pair
  vars: { now: {}, old: {}, gone: [two] }
  tasks:
    - { name: stop, core.debug: it is, when: ${JSON.stringify(stop?.when.map(({ value }) => value))} }
`);
    expect(results).toEqual(['one: stop: ok', 'two: stop: skipped']);
  });

  it('proves no logins from them: their hosts are gone', async () => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), 'revert.yml'));
    const logins = plays
      .flatMap(({ tasks }) => flatTasks(tasks))
      .find(({ module }) => module === 'patroni.logins');
    const proved = async (members_gone: string) => {
      const yaml = `
- hosts: patroni
  tasks:
    - core.set_fact: { login_from: "{{ inventory_hostname }}" }
    - core.debug: ${JSON.stringify(logins?.args.value.members)}
      run_once: true
`;
      const directory = await newDirectory();
      const inventory = join(directory, 'hosts.yml');
      await writeFile(
        inventory,
        JSON.stringify({ patroni: { hosts: { one: HERE, two: HERE, three: HERE } } }),
      );
      const extraVars = { leader: 'one', members_gone };
      return (await play(yaml, { directory, inventories: [inventory], extraVars })).messages;
    };
    expect((await proved('')).join()).toContain('three');
    expect((await proved('three')).join()).not.toContain('three');
  });
});
