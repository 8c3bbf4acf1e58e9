import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import {
  type DatabaseHost,
  databaseHosts,
  dataDirectory,
  patroniPort,
  postgresBin,
} from '../../lab/topology.ts';
import { labPlayground, nodeParams } from '../modules/lab-playground.ts';
import { errorOf } from '../support/errors.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { putConfigurationBack, service, writeConfiguration } from '../support/member-files.ts';
import { play, told } from '../support/play.ts';

const LONG = 1_200_000;

let lab: Lab;
let scene: Scene;
let odd: DatabaseHost;

const CALLBACK = '/tmp/pitr-callback.log';

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
  odd = databaseHosts.find((host) => host !== scene.leader && host !== scene.target) ?? 'db4';
  // With the accident in it: what a restore of the latest backup brings back.
  await lab.mustExec('barman', ['barman', 'backup', '--wait', scene.leader], {
    user: 'barman',
    deadlineMs: 300_000,
  });
  const restore = `ssh -q barman@barman barman recover --remote-ssh-command \\"ssh -q postgres@${odd}\\" --get-wal ${scene.leader} latest ${dataDirectory(odd)}`;
  await writeConfiguration(lab, odd, (text) =>
    text.replace(
      '  basebackup:\n',
      `  create_replica_methods: [from_archive]\n  from_archive:\n    command: sh -c "${restore}"\n    no_params: true\n    keep_data: true\n  callbacks:\n    on_start: /bin/sh -c 'echo "$0 $@" >> ${CALLBACK}'\n  basebackup:\n`,
    ),
  );
  await service(lab, odd, 'restart');
  await healthy(lab);
}, LONG);

afterAll(async () => {
  if (await putConfigurationBack(lab, odd)) await service(lab, odd, 'restart');
  await lab.exec(odd, ['rm', '-f', CALLBACK]);
  await healthy(lab, 180_000);
}, LONG);

const replicaAnswer = async (host: DatabaseHost): Promise<string> =>
  (
    await lab.exec(host, [
      ...['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}'],
      `http://localhost:${patroniPort}/replica`,
    ])
  ).stdout;

describe('a member that Patroni would restore from the archive (create_replica_methods)', () => {
  it(
    'is copied from the recovered leader by pitr, and that is said before anything is touched',
    async () => {
      const { target } = scene;
      const vars = { target, target_time: scene.accident.before, auto_start: 'true', new_backup: 'false' };
      const run = await play(chosenInventory(lab), 'recover.yml', vars);
      expect(run.error).toBeUndefined();
      expect(run.stdout).toContain(`${odd} will be copied from the new leader by pitr`);
      const evidence = await proveRecovery(lab, scene.accident, target, scene.timeline);
      expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
      expect(await replicaAnswer(odd)).toBe('200');
      expect((await lab.mustExec(odd, ['cat', CALLBACK])).length).toBeGreaterThan(0);
    },
    LONG,
  );

  it('is refused patroni.reinit, which would do it in that way', async () => {
    await using playground = labPlayground(lab.prefix);
    const params = { ...nodeParams(odd).patroni, ...nodeParams(odd).postgres, force: true };
    expect(await errorOf(playground.run('patroni.reinit', params, odd))).toMatchObject({
      kind: 'refused',
      code: 'other-replica-methods',
    });
  });
});

const PROGRAMS = '/opt/pitr-programs';

// A whole copy, in which the last transactions have no outcome: as of a disk that lied.
const SPOILED = `#!/bin/sh
${postgresBin}/pg_basebackup "$@" || exit
for word do case $word in --pgdata=*) d=\${word#--pgdata=} ;; esac; done
next=$(LC_ALL=C ${postgresBin}/pg_controldata "$d" | sed -n 's/.*NextXID: *0:\\([0-9]*\\)$/\\1/p')
dd if=/dev/zero of="$d/pg_xact/0000" bs=1 seek=$(((next - 24) / 4)) count=5 conv=notrunc 2>/dev/null`;

describe('a member that cannot be proved after it was rebuilt', () => {
  it(
    'does not serve, keeps its old data, and is rebuilt by resume once the cause is mended',
    async () => {
      const leader = await currentLeader(lab);
      const spoiled = databaseHosts.find((host) => host !== leader && host !== odd) ?? 'db3';
      const make = `mkdir -p ${PROGRAMS} && ln -sf ${postgresBin}/* ${PROGRAMS}/ && rm ${PROGRAMS}/pg_basebackup &&
      printf '%s\n' "$1" > ${PROGRAMS}/pg_basebackup && chmod 755 ${PROGRAMS}/pg_basebackup`;
      await lab.mustExec(spoiled, ['sh', '-c', make, 'sh', SPOILED]);
      await service(lab, spoiled, 'stop');
      await writeConfiguration(lab, spoiled, (text) =>
        text.replace(`bin_dir: ${postgresBin}`, `bin_dir: ${PROGRAMS}`),
      );
      await sql(lab, leader, Array.from({ length: 40 }, () => 'select txid_current();').join('\n'));

      const run = await play(chosenInventory(lab), 'rejoin.yml', { target: leader });
      expect(run.error).toMatchObject({ code: 'other-data', host: spoiled });
      expect(run.error?.state).toContain(`Patroni was stopped on ${spoiled}: it does not serve.`);
      expect(await replicaAnswer(spoiled)).toBe('000');
      const left = await lab.mustExec(spoiled, ['sh', '-c', `ls -d ${dataDirectory(spoiled)}*`]);
      expect(left.split('\n')).toContain(`${dataDirectory(spoiled)}.pre-pitr.${run.runId}`);
      expect(left.split('\n')).toContain(`${dataDirectory(spoiled)}.unproved.${run.runId}`);
      expect(left.split('\n')).not.toContain(dataDirectory(spoiled));

      await putConfigurationBack(lab, spoiled);
      const resumed = await told(['resume', run.runId, '--output', 'json', '--yes']);
      expect(resumed.error).toBeUndefined();
      expect(await replicaAnswer(spoiled)).toBe('200');
      await healthy(lab);
      await lab.mustExec(spoiled, ['sh', '-c', `rm -rf ${PROGRAMS} ${dataDirectory(spoiled)}.*`]);
    },
    LONG,
  );
});
