import { describe, expect, it } from 'vitest';
import { waitFor } from '../../lab/wait.ts';

describe('waiting for a condition', () => {
  it('returns the value that met it', async () => {
    let count = 0;
    const value = await waitFor({
      what: 'three',
      deadlineMs: 1000,
      everyMs: 1,
      attempt: async () => ++count,
      done: (seen) => seen === 3,
      describe: String,
    });
    expect(value).toBe(3);
  });

  it('says at the deadline what it waited for and what it saw last', async () => {
    const hopeless = waitFor({
      what: 'db1 to found the cluster',
      deadlineMs: 5,
      everyMs: 1,
      attempt: async () => 'no leader',
      done: () => false,
      describe: (seen) => seen,
    });
    await expect(hopeless).rejects.toThrow(
      /^gave up after 0\.0 s waiting for db1 to found the cluster; last seen: no leader$/,
    );
  });

  it('takes an attempt that fails for one more thing seen, not for the end', async () => {
    const refused = waitFor({
      what: 'an answer',
      deadlineMs: 5,
      everyMs: 1,
      attempt: () => Promise.reject(new Error('connection refused')),
      done: () => true,
      describe: String,
    });
    await expect(refused).rejects.toThrow('last seen: connection refused');
  });
});
