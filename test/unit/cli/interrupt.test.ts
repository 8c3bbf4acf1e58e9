import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { watchInterrupts } from '../../../cli/interrupt.ts';
import { asPitrError } from '../../../lib/base/errors/pitr-error.ts';

function watched({ terminal = true }: { readonly terminal?: boolean } = {}) {
  const signals = new EventEmitter();
  const told: string[] = [];
  const left: number[] = [];
  let now = 1000;
  const interrupts = watchInterrupts(
    {
      signals,
      leaveNow: (code) => left.push(code),
      stdin: new PassThrough(),
      stdout: { write: () => true },
      stderr: { write: () => true, isTTY: terminal },
    },
    { onStopping: (text) => told.push(text), onLeaving: (text) => told.push(text) },
    () => now,
  );
  return {
    signals,
    told,
    left,
    interrupts,
    later: (ms: number) => {
      now += ms;
    },
  };
}

describe('Ctrl-C', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s stops the run cleanly the first time', (name) => {
    const { signals, told, left, interrupts } = watched();
    signals.emit(name);
    expect(interrupts.signal.aborted).toBe(true);
    expect(asPitrError(interrupts.signal.reason)).toMatchObject({ kind: 'interrupted' });
    expect(told).toHaveLength(1);
    expect(left).toEqual([]);
  });

  it('goes on behind nohup, where no stream is a terminal, and is stopped by what else stops it', () => {
    const { signals, told, interrupts } = watched({ terminal: false });
    expect(signals.emit('SIGHUP')).toBe(true);
    expect([interrupts.signal.aborted, told]).toEqual([false, []]);
    signals.emit('SIGTERM');
    expect(interrupts.signal.aborted).toBe(true);
    expect(told).toHaveLength(1);
  });

  it('leaves at once the second time, with a warning', () => {
    const { signals, told, left, later } = watched();
    signals.emit('SIGINT');
    later(3000);
    signals.emit('SIGINT');
    expect(left).toEqual([130]);
    expect(told[1]).toContain('may still be running on hosts');
  });

  it.each([
    [['SIGHUP', 'SIGHUP', 'SIGTERM'], []],
    [['SIGINT', 'SIGHUP', 'SIGTERM'], []],
    [['SIGTERM', 'SIGHUP'], []],
    [['SIGHUP', 'SIGTERM', 'SIGTERM'], [130]],
    [['SIGHUP', 'SIGINT'], [130]],
    [['SIGINT', 'SIGTERM'], [130]],
    [['SIGTERM', 'SIGTERM'], [130]],
  ])('leaves at once only where a person has meant that: %j', (names, codes) => {
    const { signals, left, later } = watched();
    for (const name of names) {
      signals.emit(name);
      later(3000);
    }
    expect(left).toEqual(codes);
  });

  it('takes one key press that npm passes on as well for one', () => {
    const { signals, left, later } = watched();
    signals.emit('SIGINT');
    later(20);
    signals.emit('SIGINT');
    expect(left).toEqual([]);
  });

  it('is listened to by every command at work on any host, and Node.js takes that for no leak', async () => {
    const warnings: string[] = [];
    const hear = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', hear);
    const { interrupts } = watched();
    for (let command = 0; command < 100; command++) interrupts.signal.addEventListener('abort', () => {});
    await setImmediate();
    process.off('warning', hear);
    interrupts.stop();
    expect(warnings).toEqual([]);
  });

  it('listens no longer than the run lasts', () => {
    const { signals, interrupts } = watched();
    interrupts.stop();
    expect(signals.eventNames()).toEqual([]);
  });
});
