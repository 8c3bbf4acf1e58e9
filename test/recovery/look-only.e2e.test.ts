import { beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { containerName } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { fingerprint } from '../support/fingerprint.ts';
import { accidentOn, chosenInventory, type Scene, sharedLab } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let scene: Scene;

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
});

function recover(
  extra: Readonly<Record<string, string>> = {},
  ...more: readonly string[]
): readonly string[] {
  const vars = {
    target: scene.target,
    backup: scene.accident.backup.id,
    target_time: scene.accident.before,
    auto_start: 'true',
    ...extra,
  };
  return [
    'play',
    'recover.yml',
    '-i',
    chosenInventory(lab),
    '--output',
    'json',
    '--yes',
    ...more,
    ...Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
  ];
}

describe('--check and --dry-run', () => {
  it('--check leaves every host as it was', async () => {
    const before = await fingerprint(lab);
    const check = await pitr(recover({}, '--check'));
    expect(runError(check.events)).toBeUndefined();
    expect(check.exitCode).toBe(0);
    expect(await fingerprint(lab)).toEqual(before);
  });

  it('--dry-run contacts no host: it works where none can be reached', async () => {
    const { exitCode, events } = await pitr(recover({}, '--dry-run'), {
      DOCKER_HOST: 'unix:///nonexistent.sock',
    });
    expect(exitCode).toBe(0);
    expect(events.some((event) => event.type === 'host.result')).toBe(true);
  });
});

const minute = 60_000;
const shifted = (ms: number): string =>
  new Date(new Date(scene.accident.backup.endedAt).getTime() + ms).toISOString();

interface Refusal {
  readonly what: string;
  readonly vars: () => Readonly<Record<string, string>>;
  readonly code: string;
  readonly exitCode: number;
  readonly says: RegExp;
  /** Brings the trouble about, and takes it away again. */
  readonly trouble?: () => Promise<() => Promise<unknown>>;
}

const hidden = (host: 'barman' | Scene['target'], path: () => string) => async () => {
  await lab.mustExec(host, ['mv', path(), `${path()}.hidden`]);
  return () => lab.mustExec(host, ['mv', `${path()}.hidden`, path()]);
};

async function segmentOfTheMoment(): Promise<string> {
  const { server, id } = scene.accident.backup;
  const listing = await lab.mustExec('barman', ['barman', 'list-files', '--target', 'wal', server, id], {
    user: 'barman',
  });
  const segments = listing.split('\n').filter((path) => /\/[0-9A-F]{24}$/.test(path));
  const [, second] = segments;
  if (second === undefined) throw new Error(`too few segments in ${listing}`);
  return second;
}

const refusals: readonly Refusal[] = [
  {
    what: 'a backup that nobody has',
    vars: () => ({ backup: '20200101T000000' }),
    code: 'backup-unknown',
    exitCode: 5,
    says: /20200101T000000/,
  },
  {
    what: 'a backup that is not DONE',
    vars: () => ({ backup: '20200102T000000' }),
    code: 'backup-not-done',
    exitCode: 5,
    says: /FAILED/,
    trouble: async () => {
      const { server, id } = scene.accident.backup;
      const base = `/var/lib/barman/${server}/base`;
      // Newer versions of Barman describe their backups apart.
      const copy = `set -e; cd ${base}; for info in ${id}/backup.info ../meta/${id}-backup.info; do [ ! -f $info ] || found=$info; done
        mkdir 20200102T000000; sed s/^status=.*/status=FAILED/ "$found" > 20200102T000000/backup.info`;
      await lab.mustExec('barman', ['sh', '-c', copy], { user: 'barman' });
      return () => lab.mustExec('barman', ['rm', '-r', `${base}/20200102T000000`]);
    },
  },
  {
    what: 'a moment before the end of the backup',
    vars: () => ({ target_time: shifted(-minute) }),
    code: 'target-before-backup-end',
    exitCode: 5,
    says: /before/,
  },
  {
    what: 'a moment after the last archived WAL',
    vars: () => ({ target_time: shifted(7 * 24 * 60 * minute) }),
    code: 'target-after-last-commit',
    exitCode: 5,
    says: /has not come yet/,
  },
  {
    what: 'a time without a zone',
    vars: () => ({ target_time: '2026-11-22 09:34:43' }),
    code: 'time-without-zone',
    exitCode: 3,
    says: /zone/,
  },
  {
    what: 'a time with an ambiguous zone',
    vars: () => ({ target_time: '2026-11-22 09:34:43 EST' }),
    code: 'time-zone-ambiguous',
    exitCode: 3,
    says: /EST/,
  },
  {
    what: 'what is no time',
    vars: () => ({ target_time: 'half past nine' }),
    code: 'time-unparsable',
    exitCode: 3,
    says: /half past nine/,
  },
  {
    what: 'a missing WAL segment',
    vars: () => ({}),
    code: 'wal-missing',
    exitCode: 5,
    says: /[0-9A-F]{24}/,
    trouble: async () => {
      const segment = await segmentOfTheMoment();
      return hidden('barman', () => segment)();
    },
  },
  {
    what: 'too little disk space',
    vars: () => ({ staging: '/dev/shm/recovered' }),
    code: 'not-enough-space',
    exitCode: 5,
    says: /\/dev\/shm/,
  },
  {
    what: 'members without room for a copy of the recovered data',
    vars: () => ({ restored_bytes: '900000000000000' }),
    code: 'not-enough-space',
    exitCode: 5,
    says: /a copy beside its old data.*-e member_space=false/,
  },
  {
    what: 'a target without room, where members need none',
    vars: () => ({ restored_bytes: '900000000000000', member_space: 'false' }),
    code: 'not-enough-space',
    exitCode: 5,
    says: /restored data beside the live data/,
  },
  {
    what: 'a target that is no node',
    vars: () => ({ target: 'db9' }),
    code: 'target-unknown',
    exitCode: 5,
    says: /db9/,
  },
  {
    what: 'the leader as target',
    vars: () => ({ target: scene.leader }),
    code: 'target-is-leader',
    exitCode: 5,
    says: /leader/,
  },
  {
    what: 'a host without rsync',
    vars: () => ({}),
    code: 'tool-missing',
    exitCode: 5,
    says: /rsync/,
    trouble: () => hidden(scene.target, () => '/usr/bin/rsync')(),
  },
];

describe('recover.yml refuses, and leaves every host as it was:', () => {
  /** As the case before has left every host; unknown when trouble was made meanwhile. */
  let asItWas: Awaited<ReturnType<typeof fingerprint>> | undefined;

  it.each(refusals)('$what', async ({ vars, code, exitCode, says, trouble }) => {
    const mend = await trouble?.();
    if (mend !== undefined) asItWas = undefined;
    try {
      const before = asItWas ?? (await fingerprint(lab));
      const run = await pitr(recover(vars()));
      const error = runError(run.events);
      expect({ code: error?.code, exitCode: run.exitCode }).toEqual({ code, exitCode });
      expect(JSON.stringify(error)).toMatch(says);
      asItWas = await fingerprint(lab);
      expect(asItWas).toEqual(before);
    } finally {
      await mend?.();
      if (mend !== undefined) asItWas = undefined;
    }
  });

  it('a Barman host that cannot be reached is never called a missing backup', async () => {
    const container = lab.engine.getContainer(containerName(lab.prefix, 'barman'));
    const before = (await fingerprint(lab)).filter((line) => !line.startsWith('barman'));
    await container.stop({ t: 1 });
    try {
      const run = await pitr(recover());
      expect({ code: runError(run.events)?.kind, exitCode: run.exitCode }).toEqual({
        code: 'unreachable',
        exitCode: 4,
      });
    } finally {
      await container.start();
      await waitFor({
        what: 'Barman to answer again',
        deadlineMs: 300_000,
        attempt: () => lab.exec('barman', ['barman', 'list-server', '--minimal'], { user: 'barman' }),
        done: ({ exitCode }) => exitCode === 0,
        describe: ({ stderr }) => stderr,
      });
    }
    expect((await fingerprint(lab)).filter((line) => !line.startsWith('barman'))).toEqual(before);
  });
});
