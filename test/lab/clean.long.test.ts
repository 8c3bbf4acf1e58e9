import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { whatIsSpoilt } from '../support/clean-lab.ts';
import { sharedLab } from '../support/lab.ts';

let lab: Lab;
let leader: DatabaseHost;
let replica: DatabaseHost;

beforeAll(async () => {
  lab = await sharedLab();
  leader = await currentLeader(lab);
  replica = lab.shape.members.find((member) => member !== leader) ?? leader;
});

afterAll(async () => expect(await whatIsSpoilt(lab)).toEqual([]));

/** What a run of the suites that was killed, or somebody else, may leave on a lab; what takes it away; what is said. */
const STATES: readonly {
  readonly what: string;
  readonly on: 'barman' | 'leader' | 'replica';
  readonly spoil: string;
  readonly mend: string;
  readonly said: RegExp;
}[] = [
  {
    what: 'the claim of a run whose journal another checkout has',
    on: 'barman',
    // The directory stays, and is Barman's, as the locks of runs make it.
    spoil:
      'install -d -m 0700 -o barman -g barman /var/lib/barman/.pitr && echo run-of-somebody >/var/lib/barman/.pitr/spoilt.claim',
    mend: 'rm /var/lib/barman/.pitr/spoilt.claim',
    said: /claim .*spoilt\.claim/,
  },
  {
    what: 'the note of a recovery that waits',
    on: 'replica',
    spoil: 'echo "{}" >"$1.pitr.json"',
    mend: 'rm "$1.pitr.json"',
    said: /left .*\.pitr\.json/,
  },
  {
    what: 'a member that is stopped',
    on: 'replica',
    spoil: 'supervisorctl stop patroni',
    mend: 'supervisorctl start patroni',
    said: /program patroni: STOPPED/,
  },
  {
    what: 'a cluster that is paused',
    on: 'leader',
    spoil: 'patronictl -c /etc/patroni/patroni.yml pause',
    mend: 'patronictl -c /etc/patroni/patroni.yml resume',
    said: /dynamic configuration: [0-9a-f]{12}$/,
  },
  {
    what: 'another pg_hba.conf',
    on: 'replica',
    spoil:
      'cp -p "$1/pg_hba.conf" /tmp/spoilt.hba && echo "host all all 0.0.0.0/0 reject" >>"$1/pg_hba.conf"',
    mend: 'cp -p /tmp/spoilt.hba "$1/pg_hba.conf" && rm /tmp/spoilt.hba',
    said: /file .*\/pg_hba\.conf: [0-9a-f]{12}$/,
  },
  {
    what: 'files that Barman has put aside',
    on: 'barman',
    spoil: 'touch /var/lib/barman/db1/errors/spoilt.duplicate',
    mend: 'rm /var/lib/barman/db1/errors/spoilt.duplicate',
    said: /left in db1\/errors/,
  },
  {
    what: 'WAL that a failed test has put aside',
    on: 'barman',
    spoil: 'touch /tmp/kept.wal',
    mend: 'rm /tmp/kept.wal',
    said: /put aside \/tmp\/kept\.wal/,
  },
  {
    what: 'a backup that failed',
    on: 'barman',
    spoil:
      'mkdir /var/lib/barman/db1/base/20200101T000000 && echo status=FAILED >/var/lib/barman/db1/base/20200101T000000/backup.info',
    mend: 'rm -r /var/lib/barman/db1/base/20200101T000000',
    said: /backup .*20200101T000000.*FAILED/,
  },
  {
    what: 'another configuration of Barman',
    on: 'barman',
    spoil: 'cp -p /etc/barman.d/db1.conf /tmp/spoilt.conf && echo "; spoilt" >>/etc/barman.d/db1.conf',
    mend: 'cp -p /tmp/spoilt.conf /etc/barman.d/db1.conf && rm /tmp/spoilt.conf',
    said: /file \/etc\/barman\.d\/db1\.conf: [0-9a-f]{12}$/,
  },
];

describe('a lab is not taken for clean with', () => {
  it.each(STATES)('$what', async ({ on, spoil, mend, said }) => {
    const host = on === 'barman' ? 'barman' : on === 'leader' ? leader : replica;
    const act = (script: string): Promise<string> =>
      lab.mustExec(host, ['sh', '-ec', script, 'sh', lab.shape.dataDirectory(replica)]);
    // Of that host, and only now: what another one has left would be told as well.
    const told = (spoilt: readonly string[]): readonly string[] =>
      spoilt.filter((line) => line.startsWith(`${host}: `) && said.test(line));
    expect(told(await whatIsSpoilt(lab))).toEqual([]);
    await act(spoil);
    try {
      await waitFor({
        what: 'the lab to be told as spoilt',
        deadlineMs: 300_000,
        attempt: () => whatIsSpoilt(lab),
        done: (spoilt) => told(spoilt).length > 0,
        describe: (spoilt) => spoilt.join('; '),
      });
    } finally {
      await act(mend);
    }
    const clean = await waitFor({
      what: 'the lab to be clean again',
      deadlineMs: 300_000,
      attempt: () => whatIsSpoilt(lab),
      done: (spoilt) => spoilt.length === 0,
      describe: (spoilt) => spoilt.join('; '),
    });
    expect(clean).toEqual([]);
  });
});
