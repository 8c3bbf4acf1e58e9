import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { currentLeader, readMembers } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { proveRows } from '../../lab/proof.ts';
import { containerName, type DatabaseHost } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { others } from './cluster-state.ts';
import type { Mend } from './inject-process.ts';
import { operate } from './operator.ts';
import type { Fault, Stage } from './stage.ts';

const execute = promisify(execFile);
const TAKE_OVER = ['-e', 'auto_start=true', '-e', 'new_backup=false'];

/** The cluster has members that a take-over would not stop, or acts otherwise than it expects. */
export const faultsOfMembers: readonly Fault[] = [
  {
    name: 'a member that the inventory does not have: it would take the leadership, so nothing is begun',
    play: async (stage) => {
      const stranger = bystander(stage);
      const place = await mkdtemp(join(tmpdir(), 'pitr-inventory-'));
      try {
        const inventory = join(place, 'hosts.yml');
        const text = await readFile(stage.inventory(), 'utf8');
        await writeFile(inventory, text.replace(new RegExp(`^( *)${stranger}:`, 'm'), `$1${stranger}-new:`));
        const ended = await stage.recover({}, TAKE_OVER, inventory);
        await stage.failed(ended, {
          exitCode: 5,
          code: 'member-not-in-inventory',
          task: 'Every member is a host of this run',
          says: [`has a member ${stranger}`, /would take the leadership/],
        });
        await stage.untouched(ended);
      } finally {
        await rm(place, { recursive: true });
      }
    },
  },
  {
    name: 'the cluster is in pause: no member could be copied anew, so nothing is begun',
    play: async (stage) => {
      await stage.broken(paused(stage));
      const ended = await stage.recover({}, TAKE_OVER);
      await stage.failed(ended, {
        exitCode: 5,
        code: 'cluster-paused',
        says: [/in pause/, /patronictl .* resume/],
      });
      await stage.mendAll();
      await stage.untouched(ended);
    },
  },
  {
    name: "a member's host is gone: refused while nothing is changed; left out by --limit the others follow, their old data can go, and rejoin.yml brings it back",
    ownScene: true,
    play: async (stage) => {
      const { lab, target, scene } = stage;
      const gone = bystander(stage);
      await stage.broken(powerOff(lab, gone));
      const refused = await stage.recover({}, TAKE_OVER);
      expect([refused.error?.code, refused.exitCode]).toEqual(['member-out-of-reach', 5]);
      expect(refused.words).toContain(`--limit 'all:!${gone}'`);

      await unlisted(lab, gone);
      const ended = await stage.recover({}, [...TAKE_OVER, '--limit', `all:!${gone}`]);
      expect([ended.exitCode, ended.words]).toEqual([0, '']);
      stage.decided();
      expect(await currentLeader(lab)).toBe(target);

      const commit = ['commit', ended.runId, '-i', stage.inventory()];
      const doubted = await operate([...commit, '--yes']);
      expect(doubted.error?.code).toBe('cluster-not-healthy');
      expect(doubted.words).toContain(`${commit.join(' ')} --limit 'all:!${gone}'`);
      const committed = await operate([...commit, '--limit', `all:!${gone}`, '--yes']);
      expect([committed.exitCode, committed.words]).toEqual([0, '']);
      await stage.mendAll();

      const rejoined = await operate([
        ...['play', 'rejoin.yml', '-i', stage.inventory(), '-e', `target=${target}`],
        '--yes',
      ]);
      expect([rejoined.exitCode, rejoined.words]).toEqual([0, '']);
      await stage.healthy();
      const evidence = await proveRows(lab, scene.accident, gone);
      expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
    },
  },
];

/** A replica that is not the target. */
function bystander({ target, scene }: Stage): DatabaseHost {
  const found = others(target).findLast((host) => host !== scene.leader);
  if (found === undefined) throw new Error('the lab has two members only');
  return found;
}

async function paused({ lab, scene }: Stage): Promise<Mend> {
  const tell = (word: string) =>
    lab.mustExec(scene.leader, ['patronictl', '-c', '/etc/patroni/patroni.yml', word, '--wait'], {
      user: 'postgres',
    });
  await tell('pause');
  return async () => {
    await tell('resume').catch((error: unknown) => {
      if (!String(error).includes('is not paused')) throw error;
    });
  };
}

/** Ends all that runs on a host at once, as a power cut does, until it is mended. */
async function powerOff(lab: Lab, host: DatabaseHost): Promise<Mend> {
  const container = containerName(lab.prefix, host);
  await execute('docker', ['kill', container]);
  return async () => {
    await execute('docker', ['start', container]);
  };
}

async function unlisted(lab: Lab, host: DatabaseHost): Promise<void> {
  await waitFor({
    what: `the cluster not to list ${host} any more`,
    deadlineMs: 180_000,
    attempt: () => readMembers(lab),
    done: (members) => members.every(({ name }) => name !== host),
    describe: (members) => members.map(({ name }) => name).join(', '),
  });
}
