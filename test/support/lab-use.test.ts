import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isAlive, isOf, useBy } from './lab-use.ts';

describe('the last user of a lab', () => {
  const here = useBy(process.pid, '/checkout');

  it('lives, as long as its process does', async () => {
    expect(isAlive(here)).toBe(true);
    const child = spawn('sleep', ['60']);
    const use = useBy(child.pid ?? 0, '/checkout');
    expect(isAlive(use)).toBe(true);
    child.kill();
    await once(child, 'exit');
    expect(isAlive(use)).toBe(false);
  });

  it('has ended where another process has its number now', () => {
    const before = { ...here, process: here.process?.replace(/\d+$/, '1') };
    expect(before.process).not.toBe(here.process);
    expect(isAlive(before)).toBe(false);
    expect(isOf(before, process.pid)).toBe(false);
  });

  it('lives where it was noted by its number alone, and that one is in use', () => {
    const { process: _, ...old } = here;
    expect(isAlive(old)).toBe(true);
    expect(isOf(old, process.pid)).toBe(true);
  });

  it('lives where it belongs to somebody else', () => {
    // Process 1 is root's; to anybody but root a signal to it is EPERM.
    expect(isAlive(useBy(1, '/checkout'))).toBe(true);
  });

  it('is this run by the number of its process', () => {
    expect(isOf(here, process.pid)).toBe(true);
    expect(isOf(here, process.pid + 1)).toBe(false);
  });
});
