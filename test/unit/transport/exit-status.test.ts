import { describe, expect, it } from 'vitest';
import { exitStatusOf, shellStatus } from '../../../lib/transport/exit-status.ts';

describe('exitStatusOf', () => {
  it.each([
    [0, { exitCode: 0 }],
    [1, { exitCode: 1 }],
    [127, { exitCode: 127 }],
    [137, { signal: 'SIGKILL' }],
    [143, { signal: 'SIGTERM' }],
    [139, { signal: 'SIGSEGV' }],
    [255, { exitCode: 255 }],
    [200, { exitCode: 200 }],
  ])('reads the shell status %d', (status, expected) => {
    expect(exitStatusOf(status)).toEqual(expected);
  });
});

describe('shellStatus', () => {
  it.each([0, 1, 127, 129, 137, 143, 200, 255])('gives the status %d back', (status) => {
    expect(shellStatus(exitStatusOf(status))).toBe(status);
  });

  it('takes a signal that it does not know for one all the same', () => {
    expect(shellStatus({ signal: 'SIGRTMIN' })).toBe(128);
  });
});
