import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { PICK } from '../../../lib/transport/kill-tree.ts';

/** What the kernel tells of a process: 22 fields, of which the start is the last. */
function stat(pid: number, parent: number, start: number): string {
  const between = Array.from({ length: 15 }, () => 0).join(' ');
  return `${pid} (a) b) S ${parent} ${pid} 500 ${between} ${start}\n`;
}

function picked(awk: readonly string[], stats: string, root: string, from: string): string {
  const [program = 'awk', ...words] = awk;
  const { stdout } = spawnSync(program, [...words, '-v', `root=${root}`, '-v', `from=${from}`, PICK], {
    input: stats,
    encoding: 'utf8',
  });
  return stdout.trim();
}

const AWKS = [['mawk'], ['gawk'], ['busybox', 'awk']].filter(
  ([program = '']) => spawnSync(program, ['--help']).error === undefined,
);

describe.each(AWKS)('what runs below a shell, by %s', (...awk) => {
  it.each([
    ['that has just come up', 100],
    // 100 ticks a second; a whole number of some awks ends at 2^31.
    ['that is up for longer than 249 days', 2_500_000_010],
    ['that is up for years', 98_765_432_109],
  ])('is picked by its process ids and starts, and found by them again, on a host %s', (_, up) => {
    const stats = stat(500, 1, up) + stat(600, 500, up + 1) + stat(601, 600, up + 2) + stat(700, 1, up);
    const first = `600:${up + 1} 601:${up + 2}`;
    expect(picked(awk, stats, '500', '')).toBe(first);
    expect(picked(awk, stats, '', first)).toBe(first);
    // A number that has gone to another process meanwhile is not the same one.
    expect(picked(awk, stats, '', `600:${up} 601:${up + 2}`)).toBe(`601:${up + 2}`);
  });
});
