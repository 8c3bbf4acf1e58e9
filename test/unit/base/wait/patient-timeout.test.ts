import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { patientTimeout } from '../../../../lib/base/wait/patient-timeout.ts';

/** Holds the event loop up, as a controller does that has too much to do. */
function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** From here on time passes as the test says. */
function stopTheClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

describe('patientTimeout', () => {
  it('says that the time is over, once', () => {
    stopTheClock();
    const late = vi.fn();
    patientTimeout(late, 40);
    vi.advanceTimersByTime(39);
    expect(late).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(late).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(1_000);
    expect(late).toHaveBeenCalledOnce();
  });

  it.each([0, 30])('says nothing after it was called off, %i ms after it began', (passed) => {
    stopTheClock();
    const late = vi.fn();
    const callOff = patientTimeout(late, 40);
    vi.advanceTimersByTime(passed);
    callOff();
    vi.advanceTimersByTime(1_000);
    expect(late).not.toHaveBeenCalled();
  });

  it('takes an answer that came while the controller was too busy to look', async () => {
    const heard = new Promise<string>((resolve) => {
      const callOff = patientTimeout(() => resolve('late'), 400);
      // An answer that was there in time, and is found only when the event loop turns again.
      const { port1, port2 } = new MessageChannel();
      port1.on('message', () => {
        callOff();
        port1.close();
        resolve('answered');
      });
      setImmediate(() => {
        port2.postMessage('here');
        busy(1000);
      });
    });
    expect(await heard).toBe('answered');
  });
});
