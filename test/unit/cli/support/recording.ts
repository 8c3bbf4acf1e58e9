import type { PitrErrorJson } from '../../../../lib/base/errors/pitr-error.ts';
import type { PitrEvent, Recap, RunMode, TaskRef } from '../../../../lib/engine/events/events.ts';

const FILE = 'playbooks/recover.yml';
const START = 1_769_171_400_000;

export function taskRef(id: string, name: string, module: string, line = 10): TaskRef {
  return { id, name, module, at: { file: FILE, line, column: 7 } };
}

export function recap(counts: Partial<Recap>): Recap {
  return {
    ok: 0,
    changed: 0,
    failed: 0,
    unreachable: 0,
    skipped: 0,
    unknown: 0,
    rescued: 0,
    ignored: 0,
    ...counts,
  };
}

type EventOf<T extends PitrEvent['type']> = Extract<PitrEvent, { type: T }>;
type HostResult = EventOf<'host.result'>;

/** Builds the events of a run as the engine sends them, on a clock of its own. */
export class Recording {
  readonly events: PitrEvent[] = [];
  #now = START;

  after(milliseconds: number): this {
    this.#now += milliseconds;
    return this;
  }

  add<T extends PitrEvent['type']>(type: T, facts: Omit<EventOf<T>, 'type' | 'time'>): this {
    this.events.push({ type, time: this.#now, ...facts } as unknown as PitrEvent);
    return this;
  }

  run(mode: RunMode, hosts: readonly string[] = ['db1', 'db2', 'db3', 'db4', 'barman']): this {
    return this.add('run.started', { runId: '20260123-123000-k3f9', mode, playbook: FILE, hosts });
  }

  play(play: string, hosts: readonly string[]): this {
    return this.add('play.started', { play, hosts, at: { file: FILE, line: 3, column: 3 } });
  }

  /** A task that all its hosts go through at once. */
  task(
    task: TaskRef,
    results: Readonly<Record<string, Partial<HostResult> & Pick<HostResult, 'status'>>>,
  ): this {
    const hosts = Object.keys(results);
    this.add('task.started', { task, hosts, handler: false });
    for (const host of hosts) this.add('host.started', { task, host });
    for (const [host, result] of Object.entries(results)) {
      this.add('host.result', { task, host, durationMs: 40, ...result });
    }
    return this.add('task.finished', { task });
  }

  end(
    status: EventOf<'run.finished'>['status'],
    recaps: Readonly<Record<string, Recap>>,
    facts: {
      readonly error?: PitrErrorJson;
      readonly notRun?: Readonly<Record<string, readonly string[]>>;
    } = {},
  ): this {
    return this.add('run.finished', { status, recap: recaps, notRun: {}, durationMs: 83_400, ...facts });
  }
}

/** A recovery that ends in a failed task. */
export function failedRecovery(mode: RunMode = 'run'): readonly PitrEvent[] {
  const dbs = ['db1', 'db2', 'db3', 'db4'];
  const replay = taskRef('2.4', 'Replay until the target', 'postgres.replay', 61);
  const error: PitrErrorJson = {
    kind: 'failed',
    code: 'replay-ended',
    message: 'PostgreSQL ended in the middle of the replay: a WAL segment could not be fetched',
    details: [
      'last replayed: 0/5000148 (2026-01-23 12:29:58.120441+00)',
      'missing: 000000010000000000000006',
    ],
    host: 'db2',
    task: replay.name,
    at: { file: FILE, line: 61, column: 7 },
    evidence: {
      command: 'barman-wal-restore -U barman barman db1 000000010000000000000006 pg_wal/RECOVERYXLOG',
      exitCode: 3,
      stderr: "ERROR: Remote 'barman get-wal' command has failed!\nHint: check the archive",
    },
    state:
      'db2 is out of the cluster, its old data is kept in /var/lib/postgresql/15/patroni2.pre-pitr; the other nodes serve as before.',
    next: ['pitr play rollback.yml -i inventory/lab-docker.yml -e target=db2'],
  };
  return new Recording()
    .run(mode)
    .play('Before anything is touched', dbs)
    .task(taskRef('1.1', 'The cluster and its members', 'patroni.cluster'), {
      db1: { status: 'ok', durationMs: 312 },
    })
    .after(400)
    .task(taskRef('1.2', 'There is space', 'fs.space'), {
      db1: { status: 'skipped' },
      db2: { status: 'ok' },
      db3: { status: 'skipped' },
      db4: { status: 'skipped' },
    })
    .add('warning', { text: 'db4 lags 120 MB behind the leader', host: 'db4' })
    .play('In isolation', ['db2'])
    .task(taskRef('2.1', 'Restore the backup beside the data', 'barman.recover', 40), {
      db2: {
        status: 'changed',
        durationMs: 61_200,
        delegatedTo: 'barman',
        summary: 'restore 20260123T120000 of db1 to /var/lib/postgresql/15/patroni2.pitr',
      },
    })
    .after(61_200)
    .task(taskRef('2.2', 'Stop Patroni on the target', 'patroni.member', 47), {
      db2: { status: 'changed', durationMs: 2300, summary: 'stop patroni on db2' },
    })
    .add('task.started', { task: replay, hosts: ['db2'], handler: false })
    .add('host.started', { task: replay, host: 'db2' })
    .after(1000)
    .add('host.progress', {
      task: replay,
      host: 'db2',
      text: '0/3000060, 12:14:03, 21.3 MB/s, about 40 s left',
    })
    .after(1000)
    .add('host.progress', {
      task: replay,
      host: 'db2',
      text: '0/4000060, 12:20:41, 20.9 MB/s, about 30 s left',
    })
    .after(6000)
    .add('host.progress', {
      task: replay,
      host: 'db2',
      text: '0/5000148, 12:29:58, 20.1 MB/s, about 10 s left',
    })
    .after(1000)
    .add('host.result', { task: replay, host: 'db2', status: 'failed', durationMs: 9000, error })
    .add('task.finished', { task: replay })
    .end(
      'failed',
      {
        db1: recap({ ok: 1, skipped: 1 }),
        db2: recap({ ok: 4, changed: 2, failed: 1 }),
        db3: recap({ skipped: 1 }),
        db4: recap({ skipped: 1 }),
      },
      { error, notRun: { db2: ['Reload pg_hba'] } },
    )
    .add('run.ways', {
      ways: [
        { text: 'See what was done', command: 'pitr runs 20260123-123000-k3f9' },
        { text: 'Go on where it stood', command: 'pitr resume 20260123-123000-k3f9' },
      ],
    }).events;
}

/** A check: what would change, and what cannot be known. */
export function checkedRecovery(): readonly PitrEvent[] {
  return new Recording()
    .run('check')
    .play('In isolation', ['db2'])
    .task(taskRef('2.1', 'Move the live data aside', 'fs.move'), {
      db2: {
        status: 'changed',
        summary: 'move /var/lib/postgresql/15/patroni2 to /var/lib/postgresql/15/patroni2.pre-pitr',
        diff: [{ subject: 'listen_addresses', before: 'a\nb\n', after: 'a\nc\n' }],
      },
    })
    .task(taskRef('2.2', 'Replay until the target', 'postgres.replay'), {
      db2: { status: 'unknown', summary: 'not known before the run: it waits for what was not done' },
    })
    .task(taskRef('2.3', 'Facts', 'core.debug'), {
      db2: {
        status: 'ok',
        message: 'two lines\nof text',
        result: { msg: 'two lines\nof text', lsn: '0/5000148' },
      },
    })
    .end('ok', { db2: recap({ ok: 2, changed: 1, unknown: 1 }) }).events;
}
