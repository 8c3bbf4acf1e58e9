import { describe, expect, it, vi } from 'vitest';
import { marksFor } from '../../../../cli/display/marks.ts';
import { NO_PAINT } from '../../../../cli/display/paint.ts';
import { TtyDisplay } from '../../../../cli/display/tty.ts';
import type { PitrEvent } from '../../../../lib/engine/events/events.ts';
import { checkedRecovery, failedRecovery, Recording, taskRef } from '../support/recording.ts';
import { Screen } from '../support/screen.ts';

function displayOn(screen: Screen): TtyDisplay {
  return new TtyDisplay(screen, {
    paint: NO_PAINT,
    marks: marksFor({}),
    columns: () => screen.columns,
    verbosity: 0,
    diff: false,
    frameOf: () => [],
  });
}

async function shown(events: readonly PitrEvent[], columns: number): Promise<string> {
  const screen = new Screen(columns);
  const display = displayOn(screen);
  for (const event of events) display.read(event);
  await display.close();
  return screen.text();
}

/** Lets the live area draw: it looks at what runs every 100 ms. */
async function drawn(screen: Screen, what: string): Promise<void> {
  await vi.waitFor(() => expect(screen.text()).toContain(what), { timeout: 5_000, interval: 20 });
}

const spinner = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/g;

/** How often the spinner of a screen was drawn. */
const frames = (screen: Screen): number => screen.raw.match(spinner)?.length ?? 0;

describe('the live display', () => {
  it.each([80, 40])('leaves a log of one line a task behind, at %i columns', async (columns) => {
    expect(await shown(failedRecovery(), columns)).toMatchSnapshot();
  });

  it('says in check mode what would change and what cannot be known', async () => {
    expect(await shown(checkedRecovery(), 80)).toMatchInlineSnapshot(`
      "Check of playbooks/recover.yml  run 20260123-123000-k3f9

      In isolation  db2
      ● Move the live data aside  would change db2
          move /var/lib/postgresql/15/patroni2 to
          /var/lib/postgresql/15/patroni2.pre-pitr
      ? Replay until the target  not known yet db2
          not known before the run: it waits for what was not done
      ✔ Facts  ok db2
          two lines
          of text

      RECAP  ok  would change  not known  failed
      db2     2             1          1       0

      Checked in 1 min 23 s; nothing was changed. 1 change would be made; 1 result
      cannot be known before the run."
    `);
  });

  it.each([80, 40])(
    'draws a running task with its hosts and their latest words, at %i columns',
    async (columns) => {
      const screen = new Screen(columns);
      const display = displayOn(screen);
      const task = taskRef('3.1', 'Members follow the new leader, each proved', 'patroni.streaming');
      const hosts = ['db1', 'db3', 'db4'];
      // The clock of the display never gets there: no time is shown.
      const now = Date.now() + 60_000;
      display.read({ type: 'task.started', time: now, task, hosts, handler: false });
      for (const host of hosts) display.read({ type: 'host.started', time: now, task, host });
      display.read({ type: 'host.result', time: now, task, host: 'db1', status: 'ok', durationMs: 10 });
      display.read({
        type: 'host.progress',
        time: now,
        task,
        host: 'db3',
        text: 'on timeline 2, 31.2 MB behind',
      });
      display.read({
        type: 'host.progress',
        time: now,
        task,
        host: 'db4',
        text: 'starting up, not yet connected',
      });
      await drawn(screen, 'db4: starting');
      expect(screen.text().replace(spinner, '*')).toMatchSnapshot();
      await display.close();
      expect(screen.text()).toBe('');
    },
  );

  it('keeps finished tasks above the running one and takes the rows away at the end', async () => {
    const screen = new Screen(80);
    const display = displayOn(screen);
    const first = taskRef('1.1', 'First', 'core.command');
    const second = taskRef('1.2', 'Second', 'core.command');
    // So that no row comes to show how long it has lasted.
    const now = Date.now() + 60_000;
    display.read({ type: 'task.started', time: now, task: first, hosts: ['db1'], handler: false });
    display.read({ type: 'host.started', time: now, task: first, host: 'db1' });
    await drawn(screen, 'First  db1');
    display.read({
      type: 'host.result',
      time: now,
      task: first,
      host: 'db1',
      status: 'changed',
      durationMs: 3,
      summary: 'run it',
    });
    display.read({ type: 'task.finished', time: now, task: first });
    display.read({ type: 'task.started', time: now, task: second, hosts: ['db1'], handler: false });
    display.read({ type: 'host.started', time: now, task: second, host: 'db1' });
    await drawn(screen, 'Second  db1');
    expect(screen.text().replace(spinner, '*')).toBe('● First  changed db1\n    run it\n* Second  db1');
    await display.close();
    expect(screen.text()).toBe('● First  changed db1\n    run it');
  });

  it('gives the terminal free for a question and comes back after it', async () => {
    // The other one is not asked, and turns on: time is what passes between its frames.
    const [screen, other] = [new Screen(80), new Screen(80)];
    const [display, turning] = [displayOn(screen), displayOn(other)];
    const task = taskRef('1.1', 'Promote', 'core.confirm');
    for (const one of [display, turning]) {
      one.read({ type: 'task.started', time: Date.now(), task, hosts: ['db2'], handler: false });
      one.read({ type: 'host.started', time: Date.now(), task, host: 'db2' });
    }
    await drawn(screen, 'Promote');
    await drawn(other, 'Promote');
    await display.pause();
    expect(screen.text()).toBe('');
    const [writes, turned] = [screen.raw.length, frames(other)];
    await vi.waitFor(() => expect(frames(other)).toBeGreaterThan(turned + 2), { timeout: 5_000 });
    expect(screen.raw.length).toBe(writes);
    await turning.close();
    screen.write('Really? [y/N] y\n');
    display.resume();
    await drawn(screen, 'Promote  db2');
    await display.close();
    expect(screen.text()).toBe('Really? [y/N] y');
  });

  it('counts the tasks that have no row of their own when hosts go their own pace', async () => {
    const screen = new Screen(80, 12);
    const display = displayOn(screen);
    const time = Date.now() + 60_000;
    for (let i = 1; i <= 5; i++) {
      const task = taskRef(`1.${i}`, `Task ${i}`, 'core.command');
      display.read({ type: 'task.started', time, task, hosts: [`db${i}`], handler: false });
      display.read({ type: 'host.started', time, task, host: `db${i}` });
    }
    await drawn(screen, 'and 4 more');
    expect(screen.text().replace(spinner, '*')).toBe('* Task 1  db1\n* and 4 more tasks');
    await display.close();
  });

  it('tells a task once that hosts start one by one (strategy free)', async () => {
    const task = taskRef('1.1', 'Each at its pace', 'core.command');
    const recording = new Recording();
    for (const host of ['db1', 'db2']) recording.add('task.started', { task, hosts: [host], handler: false });
    for (const host of ['db1', 'db2']) {
      recording
        .add('host.result', { task, host, status: 'ok', durationMs: 3 })
        .add('task.finished', { task });
    }
    expect(await shown(recording.events, 80)).toBe('✔ Each at its pace  ok db1 db2');
  });

  it('stays responsive with thousands of updates', async () => {
    const screen = new Screen(80);
    const display = displayOn(screen);
    const task = taskRef('1.1', 'Busy', 'core.command');
    display.read({ type: 'task.started', time: Date.now(), task, hosts: ['db1'], handler: false });
    display.read({ type: 'host.started', time: Date.now(), task, host: 'db1' });
    await drawn(screen, 'Busy');
    const before = screen.raw.length;
    for (let i = 0; i < 20_000; i++) {
      display.read({ type: 'host.progress', time: Date.now(), task, host: 'db1', text: `${i}` });
    }
    await drawn(screen, '19999');
    // a redraw an update would be 20 000 of them
    expect(screen.raw.length - before).toBeLessThan(20_000);
    await display.close();
  });
});
