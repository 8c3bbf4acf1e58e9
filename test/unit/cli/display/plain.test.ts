import { describe, expect, it, vi } from 'vitest';
import { marksFor } from '../../../../cli/display/marks.ts';
import { NO_PAINT } from '../../../../cli/display/paint.ts';
import { PlainDisplay } from '../../../../cli/display/plain.ts';
import type { ViewSettings } from '../../../../cli/display/settings.ts';
import type { PitrEvent } from '../../../../lib/engine/events/events.ts';
import { checkedRecovery, failedRecovery, Recording, recap, taskRef } from '../support/recording.ts';
import { Sink } from '../support/screen.ts';

async function shown(events: readonly PitrEvent[], wishes: Partial<ViewSettings> = {}): Promise<string> {
  const sink = new Sink();
  const display = new PlainDisplay(sink, {
    paint: NO_PAINT,
    marks: marksFor({}),
    columns: () => 80,
    verbosity: 0,
    diff: false,
    frameOf: () => [
      '  60 |     - name: Replay until the target',
      '> 61 |       postgres.replay:',
      '     |       ^',
    ],
    ...wishes,
  });
  for (const event of events) display.read(event);
  await display.close();
  return sink.text;
}

describe('plain output', () => {
  it.each([
    [0, 0, 'Resumed: nothing that counts was done before, so it starts from its beginning.'],
    [0, 1, 'Resumed: 1 change from before stands.'],
    [0, 2, 'Resumed: 2 changes from before stand.'],
    [3, 2, 'Resumed: 3 results of tasks from before stand and are not told again.'],
  ])('says of %i results and %i changes from before: %s', async (doneBefore, changesBefore, words) => {
    const [started] = failedRecovery();
    if (started?.type !== 'run.started') throw new Error('a run begins with run.started');
    expect(await shown([{ ...started, doneBefore, changesBefore }])).toContain(words);
  });

  it('tells a failed run line by line, progress seldom, the error last and in full', async () => {
    expect(await shown(failedRecovery())).toMatchInlineSnapshot(`
      "RUN playbooks/recover.yml (run 20260123-123000-k3f9)

      PLAY Before anything is touched [db1 db2 db3 db4]
      ok: [db1] The cluster and its members
      skipped: [db1] There is space
      ok: [db2] There is space
      skipped: [db3] There is space
      skipped: [db4] There is space
      warning: [db4] db4 lags 120 MB behind the leader

      PLAY In isolation [db2]
      changed: [db2 -> barman] Restore the backup beside the data (1 min 01 s)
          restore 20260123T120000 of db1 to /var/lib/postgresql/15/patroni2.pitr
      changed: [db2] Stop Patroni on the target (2.3 s)
          stop patroni on db2
      ...: [db2] Replay until the target: 0/3000060, 12:14:03, 21.3 MB/s, about 40 s left
      ...: [db2] Replay until the target: 0/5000148, 12:29:58, 20.1 MB/s, about 10 s left
      failed: [db2] Replay until the target (9.0 s)
          PostgreSQL ended in the middle of the replay: a WAL segment could not be fetched

      RECAP  ok  changed  skipped  failed
      db1     1        0        1       0
      db2     4        2        0       1
      db3     0        0        1       0
      db4     0        0        1       0

      Not run, although notified:
        db2: Reload pg_hba

      Failed: PostgreSQL ended in the middle of the replay: a WAL segment could not be
      fetched
        host     db2
        task     Replay until the target
        at       playbooks/recover.yml:61:7

        60 |     - name: Replay until the target
      > 61 |       postgres.replay:
           |       ^

        last replayed: 0/5000148 (2026-01-23 12:29:58.120441+00)
        missing: 000000010000000000000006

        command  barman-wal-restore -U barman barman db1 000000010000000000000006 pg_wal/RECOVERYXLOG
        ended    exit code 3
        it said
          | ERROR: Remote 'barman get-wal' command has failed!
          | Hint: check the archive
        state    db2 is out of the cluster, its old data is kept in
                 /var/lib/postgresql/15/patroni2.pre-pitr; the other nodes serve as
                 before.
        next     pitr play rollback.yml -i inventory/lab-docker.yml -e target=db2

      What you can do now:
        See what was done:
          pitr runs 20260123-123000-k3f9
        Go on where it stood:
          pitr resume 20260123-123000-k3f9
      "
    `);
  });

  it('says in check mode what would change and what cannot be known', async () => {
    expect(await shown(checkedRecovery())).toMatchInlineSnapshot(`
      "CHECK playbooks/recover.yml (run 20260123-123000-k3f9)

      PLAY In isolation [db2]
      would change: [db2] Move the live data aside
          move /var/lib/postgresql/15/patroni2 to /var/lib/postgresql/15/patroni2.pre-pitr
      ?: [db2] Replay until the target
          not known before the run: it waits for what was not done
      ok: [db2] Facts
          two lines
          of text

      RECAP  ok  would change  not known  failed
      db2     2             1          1       0

      Checked in 1 min 23 s; nothing was changed. 1 change would be made; 1 result
      cannot be known before the run.
      "
    `);
  });

  it('shows differences and results where asked for', async () => {
    expect(await shown(checkedRecovery(), { diff: true, verbosity: 1 })).toMatchInlineSnapshot(`
      "CHECK playbooks/recover.yml (run 20260123-123000-k3f9)

      PLAY In isolation [db2]
      would change: [db2] Move the live data aside
          move /var/lib/postgresql/15/patroni2 to /var/lib/postgresql/15/patroni2.pre-pitr
          --- listen_addresses (before)
          +++ listen_addresses (after)
            a
          - b
          + c
      ?: [db2] Replay until the target
          not known before the run: it waits for what was not done
      ok: [db2] Facts
          two lines
          of text
          {
            "msg": "two lines\\nof text",
            "lsn": "0/5000148"
          }

      RECAP  ok  would change  not known  failed
      db2     2             1          1       0

      Checked in 1 min 23 s; nothing was changed. 1 change would be made; 1 result
      cannot be known before the run.
      "
    `);
  });

  it('prints a dry run as a plan, host by host', async () => {
    const events = new Recording()
      .run('dry-run')
      .play('Before anything is touched', ['db1', 'db2'])
      .task(taskRef('1.1', 'The cluster', 'patroni.cluster'), {
        db1: { status: 'unknown', summary: 'would look: patroni.cluster port=8001' },
        db2: { status: 'unknown', summary: 'would look: patroni.cluster port=8001' },
      })
      .task(taskRef('1.2', 'The backup', 'barman.backup'), {
        db1: { status: 'skipped' },
        db2: { status: 'unknown', summary: 'would look: barman.backup id=latest', delegatedTo: 'barman' },
      })
      .add('play.skipped', { play: 'Cut-over', why: 'no task has a selected tag' })
      .end('ok', { db1: recap({ unknown: 1 }) }).events;
    expect(await shown(events)).toMatchInlineSnapshot(`
      "DRY RUN playbooks/recover.yml (run 20260123-123000-k3f9)

      PLAN for db1: 1 step
        Before anything is touched
           1  The cluster
              would look: patroni.cluster port=8001
           -  The backup  (skipped)

      PLAN for db2: 2 steps
        Before anything is touched
           1  The cluster
              would look: patroni.cluster port=8001
           2  The backup  (db2 -> barman)
              would look: barman.backup id=latest

      Plays that are left out:
        Cut-over: no task has a selected tag

      Dry run: everything was loaded and checked, no host was contacted.
      "
    `);
  });

  it('shows the output of commands, host by host and whole lines only, with -vv', async () => {
    const task = taskRef('1.1', 'Look', 'core.command');
    const output = (host: string, text: string) => ({ task, host, stream: 'stdout' as const, text });
    const events = new Recording()
      .add('task.started', { task, hosts: ['db1', 'db2'], handler: false })
      .add('host.output', output('db1', 'one\ntw'))
      .add('host.output', output('db2', 'other\u001b[31m red\u0007\n'))
      .add('host.output', output('db1', 'o\n10%\r100%'))
      .add('host.result', { task, host: 'db1', status: 'ok', durationMs: 3 }).events;
    expect(await shown(events, { verbosity: 2 })).toMatchInlineSnapshot(`
      "    db1 | one
          db2 | other red\\x07
          db1 | two
          db1 | 100%
      ok: [db1] Look
      "
    `);
    expect(await shown(events, { verbosity: 1 })).toBe('ok: [db1] Look\n');
  });

  it('says who answered a question', async () => {
    const events = new Recording()
      .add('question.asked', { text: 'Promote db2?', details: ['db1 leads now'], host: 'db2' })
      .add('question.answered', { answer: 'yes', by: '--yes' })
      .add('question.asked', { text: 'Go on?', details: [] })
      .add('question.answered', { answer: 'no', by: 'nobody' }).events;
    expect(await shown(events)).toMatchInlineSnapshot(`
      "question: [db2] Promote db2?
          db1 leads now
      answer: yes (by --yes)
      question: Go on?
      answer: no (there is no terminal to ask on; --yes would answer yes)
      "
    `);
  });

  it('tells the error of a delegated task once, and which host it failed on', async () => {
    const error = {
      kind: 'refused',
      code: 'backup-unknown',
      message: 'Backup x not found',
      host: 'barman',
    } as const;
    const events = new Recording()
      .run('run', ['db1'])
      .play('Look', ['db1'])
      .task(taskRef('1.1', 'Choose the base backup', 'barman.backup'), { db1: { status: 'failed', error } })
      .end('failed', { db1: recap({ failed: 1 }) }, { error }).events;
    const text = await shown(events);
    expect(text).toContain('failed: [db1 -> barman] Choose the base backup');
    expect(text).not.toContain('Failed before or beside it');
  });

  it('sums up what went well on more than fifty hosts, and tells what did not host by host', async () => {
    const hosts = Array.from({ length: 60 }, (_, number) => `web${number}`);
    const error = { kind: 'failed', code: 'command-failed', message: 'disk full', host: 'web7' } as const;
    const results = hosts.map((host, number) => {
      const summary = `create /srv/${host}`;
      if (number === 7) return [host, { status: 'failed', error }] as const;
      return [host, number < 10 ? { status: 'changed', summary } : { status: 'ok' }] as const;
    });
    const greeted = hosts.map(
      (host) => [host, { status: 'ok', message: 'hello', durationMs: 2000 }] as const,
    );
    const events = new Recording()
      .run('run', hosts)
      .play('Everywhere', hosts)
      .task(taskRef('1.1', 'Greet', 'core.debug'), Object.fromEntries(greeted))
      .task(taskRef('1.2', 'Write', 'fs.copy'), Object.fromEntries(results))
      .task(taskRef('1.3', 'Once', 'core.command'), { web0: { status: 'changed', summary: 'run true' } })
      .end(
        'failed',
        Object.fromEntries(
          hosts.map((host) => [host, recap(host === 'web7' ? { ok: 1, failed: 1 } : { ok: 2 })]),
        ),
        { error },
      ).events;
    const text = await shown(events);
    expect(text.slice(0, text.indexOf('Failed:'))).toMatchInlineSnapshot(`
      "RUN playbooks/recover.yml (run 20260123-123000-k3f9)

      PLAY Everywhere [60 hosts]
      ok: [60 of 60 hosts] Greet (2.0 s)
          hello
      failed: [web7] Write
          disk full
      changed: [9 of 60 hosts] Write
      ok: [50 of 60 hosts] Write
      changed: [web0] Once
          run true

      RECAP      ok  changed  failed
      web7        1        0       1
      59 hosts  118        0       0

      "
    `);
    const all = await shown(events, { verbosity: 1 });
    for (const host of hosts) expect(all).toContain(`[${host}] Greet`);
  });

  it('gives a sign of life when a task says nothing for long', async () => {
    vi.useFakeTimers();
    try {
      const sink = new Sink();
      const settings = { paint: NO_PAINT, marks: marksFor({}), columns: () => 80, verbosity: 0, diff: false };
      const display = new PlainDisplay(sink, { ...settings, frameOf: () => [] });
      const task = taskRef('1.1', 'Copy', 'fs.tree');
      display.read({ type: 'task.started', time: Date.now(), task, hosts: ['db2'], handler: false });
      display.read({ type: 'host.started', time: Date.now(), task, host: 'db2' });
      vi.advanceTimersByTime(29_000);
      expect(sink.text).toBe('');
      vi.advanceTimersByTime(2000);
      expect(sink.text).toBe('...: [db2] Copy: still running after 30.0 s\n');
      await display.close();
    } finally {
      vi.useRealTimers();
    }
  });
});
