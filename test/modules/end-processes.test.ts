import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { endProcesses, leftProbe } from '../../lib/system/core/end-processes.ts';
import { localPlayground } from './playground.ts';

describe('what was left at work', () => {
  it('is looked for again where a process hid for an instant, as one does that logs in', async () => {
    await using ground = await localPlayground();
    const looks = join(ground.dir, 'looks');
    await writeFile(looks, '');
    const find = leftProbe(`
left() {
  echo x >>"$1"
  [ "$(wc -l <"$1")" -gt 2 ] || { echo '/proc/7 of user 103 cannot be looked into'; return 1; }
}`);
    const what = { words: 'what the change started', find, args: [looks], patience: 0 };
    expect(await endProcesses(ground.play.host(), what)).toBe(0);
  });
});
