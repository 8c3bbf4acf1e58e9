import { expect, it } from 'vitest';
import { marksFor } from '../../../../cli/display/marks.ts';
import { NO_PAINT } from '../../../../cli/display/paint.ts';
import type { RecoverOrder } from '../../../../cli/recover/order.ts';
import { ScriptDisplay } from '../../../../cli/recover/script-display.ts';
import { ScriptSteps } from '../../../../cli/recover/script-steps.ts';
import type { PitrEvent } from '../../../../lib/engine/events/events.ts';
import { Recording, taskRef } from '../support/recording.ts';
import { Sink } from '../support/screen.ts';

const order: RecoverOrder = {
  backup: 'auto',
  targetTime: 'latest',
  target: 'db2',
  restore: true,
  autoStart: false,
  acceptGap: false,
  allowLeader: false,
};

async function shown(events: readonly PitrEvent[]): Promise<string> {
  const sink = new Sink();
  const view = { paint: NO_PAINT, marks: marksFor({}), columns: () => 80, verbosity: 0, diff: false };
  const display = new ScriptDisplay(sink, { ...view, frameOf: () => [] }, new ScriptSteps(order), false);
  for (const event of events) display.read(event);
  await display.close();
  return sink.text;
}

it('wraps sentences at words to the width of the terminal, and leaves commands whole', async () => {
  const sentence =
    'Recovery stops before the commit of transaction 747 of 2026-11-27 08:02:24.838903+00 at position 0/90AB7B0.';
  const command = `Go on:    pitr play cutover.yml -i ${'inventory/'.repeat(6)}production.yml -e target=db2`;
  const text = await shown(
    new Recording().task(taskRef('1.1', 'The plan', 'core.debug'), {
      db2: { status: 'ok', message: `${sentence}\n${command}` },
    }).events,
  );
  expect(text.split('\n').map((line) => line.trimEnd())).toEqual([
    '',
    'Recovery stops before the commit of transaction 747 of 2026-11-27',
    '08:02:24.838903+00 at position 0/90AB7B0.',
    command,
    '',
  ]);
});

it('warns of what is looked at twice once, and of each host of which a task says it', async () => {
  const text = 'its old data cannot be measured';
  const warned = (id: string, host: string): PitrEvent => ({
    type: 'warning',
    time: 0,
    text,
    host,
    task: taskRef(id, 'Look', 'any.module'),
  });
  const said = await shown([warned('1', 'db3'), warned('1', 'db4'), warned('2', 'db2'), warned('1', 'db4')]);
  expect(said.match(/WARNING: \w+/g)).toEqual(['WARNING: db3', 'WARNING: db4']);
});

it('shows what --yes has consented to, and not only that it was asked', async () => {
  const text = 'Make the whole cluster follow db2?';
  const details = ['Everything that was committed after 2026-01-23 12:30:00+00 is no longer served.'];
  const said = await shown([
    { type: 'question.asked', time: 0, text, details, host: 'db2' },
    { type: 'question.answered', time: 0, answer: 'yes', by: '--yes' },
  ]);
  expect(said).toBe(`${text}\n  ${details[0]}\n  answer: yes (by --yes)\n`);
});
