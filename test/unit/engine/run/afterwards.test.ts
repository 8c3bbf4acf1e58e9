import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { liveHost } from '../../../../lib/engine/run/live-host.ts';
import { connectHost } from '../../../../lib/transport/connect.ts';

it('what has to be put right is done after the task was interrupted, as the same user and in the same environment', async () => {
  const connection = connectHost('here', { kind: 'local' });
  const directory = await mkdtemp(join(tmpdir(), 'pitr-afterwards-'));
  onTestFinished(async () => {
    await connection.close();
    await rm(directory, { recursive: true });
  });
  const host = liveHost(connection, () => connection, {
    signal: AbortSignal.abort(),
    env: { PITR_HERE: 'the same' },
  });
  const path = join(directory, 'rules');
  await expect(host.writeFile(path, 'open')).rejects.toMatchObject({ kind: 'interrupted' });
  await expect(host.must(['true'])).rejects.toMatchObject({ kind: 'interrupted' });

  const after = host.afterwards(30_000);
  await after.writeFile(path, 'closed');
  expect(await readFile(path, 'utf8')).toBe('closed');
  expect((await after.must(['sh', '-c', 'echo $PITR_HERE'])).stdout).toBe('the same\n');
});
