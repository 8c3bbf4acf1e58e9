import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { patientTimeout } from '../../../../lib/base/wait/patient-timeout.ts';

/** Holds the event loop up, as a controller does that has too much to do. */
function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('patientTimeout', () => {
  it('says that the time is over, once', async () => {
    let late = 0;
    patientTimeout(() => {
      late += 1;
    }, 40);
    while (late === 0) await pause(5);
    await pause(60);
    expect(late).toBe(1);
  });

  it('says nothing after it was called off', async () => {
    let late = false;
    const callOff = patientTimeout(() => {
      late = true;
    }, 40);
    callOff();
    await pause(80);
    expect(late).toBe(false);
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
