import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { type DatabaseHost, databaseHosts, dataDirectory, postgresBin } from '../../lab/topology.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { strays } from '../faults/cluster-state.ts';
import { killedAt } from '../faults/killed.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { play, told } from '../support/play.ts';

const LONG = 1_200_000;
const REWIND = "Bring a copy of the old data to the leader's history";

let lab: Lab;
let scene: Scene;
let others: readonly DatabaseHost[];

beforeEach(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
  others = databaseHosts.filter((host) => host !== scene.target);
}, LONG);

const variables = (membersFrom: string) => ({
  target: scene.target,
  target_time: scene.accident.before,
  auto_start: 'true',
  new_backup: 'false',
  members_from: membersFrom,
});

/** What the task that rewinds said of each member. */
function rewound(events: readonly PitrEvent[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    events.flatMap((event) =>
      event.type === 'host.result' && event.task.name === REWIND ? [[event.host, event.result]] : [],
    ),
  );
}

/** The cluster is at the moment, each member has kept its old data, and nothing of a try lies about. */
async function recovered(runId: string): Promise<void> {
  const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
  expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
  expect(await strays(lab)).toEqual([]);
  for (const host of others) {
    const kept = `${dataDirectory(host)}.pre-pitr.${runId}`;
    const script = `ls -d ${dataDirectory(host)}.pitr-rewound* 2>/dev/null; LC_ALL=C ${postgresBin}/pg_controldata ${kept} | sed -n "s/^Database cluster state: *//p; s/^Latest checkpoint's TimeLineID: *//p"`;
    const [state, timeline] = (await lab.mustExec(host, ['sh', '-c', script])).split('\n');
    expect([host, state?.startsWith('shut down'), timeline]).toEqual([host, true, String(scene.timeline)]);
  }
}

describe('members_from=old_data', () => {
  it(
    'brings a copy of what each member had to the new history, and leaves the kept data as it was',
    async () => {
      const run = await play(chosenInventory(lab), 'recover.yml', variables('old_data'));
      expect(run.error).toBeUndefined();
      expect(rewound(run.events)).toEqual(
        Object.fromEntries(
          others.map((host) => [
            host,
            expect.objectContaining({
              rewound: true,
              how: expect.stringMatching(/^servers diverged at WAL location/),
            }),
          ]),
        ),
      );
      await recovered(run.runId);
    },
    LONG,
  );

  it(
    'goes on after the controller was killed while it rewound',
    async () => {
      const words = Object.entries(variables('old_data')).flatMap(([name, value]) => [
        '-e',
        `${name}=${value}`,
      ]);
      const killed = await killedAt({ during: REWIND, afterMs: 1_500 }, [
        ...['play', 'recover.yml', '-i', chosenInventory(lab)],
        ...words,
      ]);
      expect(killed.killed).toBe(true);
      const resumed = await told(['resume', killed.runId, '--output', 'json', '--yes']);
      expect(resumed.error).toBeUndefined();
      await recovered(killed.runId);
    },
    LONG,
  );
});

describe('where the old data cannot be brought to the new history', () => {
  const [, spoiled = 'db3'] = databaseHosts.filter((host) => host !== 'db1');

  afterEach(async () => {
    const back = `[ ! -e ${postgresBin}/pg_rewind.real ] || mv ${postgresBin}/pg_rewind.real ${postgresBin}/pg_rewind`;
    for (const host of databaseHosts) await lab.mustExec(host, ['sh', '-c', back]);
    await healthy(lab);
  }, LONG);

  it(
    'the leader is copied, and nothing is left of a rewind that broke off half-way',
    async () => {
      const broken = others.find((host) => host !== scene.leader) ?? spoiled;
      const script = `mv ${postgresBin}/pg_rewind ${postgresBin}/pg_rewind.real
cat > ${postgresBin}/pg_rewind <<'END'
#!/bin/sh
case $1 in --help | --version) exec ${postgresBin}/pg_rewind.real "$1" ;; esac
for word do case $word in --target-pgdata=*) copy=\${word#*=} ;; esac; done
: > "$copy/global/pg_control"
echo "pg_rewind: fatal: could not write: no space left" >&2
exit 1
END
chmod 755 ${postgresBin}/pg_rewind`;
      await lab.mustExec(broken, ['sh', '-c', script]);
      const run = await play(chosenInventory(lab), 'recover.yml', variables('old_data'));
      expect(run.error).toBeUndefined();
      expect(rewound(run.events)[broken]).toMatchObject({
        rewound: false,
        why: expect.stringContaining('no space left'),
      });
      await recovered(run.runId);
    },
    LONG,
  );

  it(
    'members_from=auto copies the leader where the file system cannot copy on write, and says so',
    async () => {
      const run = await play(chosenInventory(lab), 'recover.yml', variables('auto'));
      expect(run.error).toBeUndefined();
      expect(run.stdout).toContain('cannot copy on write');
      await recovered(run.runId);
    },
    LONG,
  );
});
