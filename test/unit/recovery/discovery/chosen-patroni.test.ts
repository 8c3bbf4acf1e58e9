import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHOSEN_PATRONI } from '../../../../lib/recovery/discovery/discover-node.ts';
import { PATRONI_PROCESSES } from '../../../../lib/recovery/patroni/processes.ts';
import { OLD_BASH_ON_A_FULL_DISK } from '../../../support/old-bash.ts';

let directory: string;
let sites = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-chosen-patroni-'));
});

afterAll(() => rm(directory, { recursive: true }));

/** Which one is chosen on a host with these processes, by their ids. */
async function chosen(
  processes: Readonly<Record<string, readonly string[]>>,
  config = '',
  sh = { program: 'sh', first: '' },
) {
  const proc = join(directory, `proc${sites++}`);
  for (const [pid, words] of Object.entries(processes)) {
    await mkdir(join(proc, pid), { recursive: true });
    await writeFile(join(proc, pid, 'cmdline'), words.map((word) => `${word}\0`).join(''));
    await symlink(directory, join(proc, pid, 'cwd'));
  }
  const script = `${sh.first}\n${PATRONI_PROCESSES}${CHOSEN_PATRONI}\nchosen_patroni "$1" "$2" && echo "$pid $config"`;
  const ended = spawnSync(sh.program, ['-c', script, 'sh', proc, config], { encoding: 'utf8' });
  return ended.status === 0 ? ended.stdout.trim() : `refused: ${ended.stderr.trim()}`;
}

const MAIN = ['/usr/bin/python3', '/usr/bin/patroni', '/etc/patroni/15-main.yml'];
const OTHER = ['/usr/bin/python3', '/usr/bin/patroni', '/etc/patroni/15-other.yml'];

describe('which Patroni of a host is meant', () => {
  it('is the one of the named configuration, wherever it stands among them', async () => {
    expect(await chosen({ 987: MAIN, 10234: OTHER }, MAIN[2])).toBe('987 /etc/patroni/15-main.yml');
    expect(await chosen({ 987: MAIN, 10234: OTHER }, OTHER[2])).toBe('10234 /etc/patroni/15-other.yml');
  });

  it('is not guessed where several run and none is named', async () => {
    const told = await chosen({ 987: MAIN, 10234: OTHER });
    expect(told).toMatch(/^refused: several Patronis run here/);
    expect(told).toContain(MAIN[2]);
    expect(told).toContain(OTHER[2]);
    expect(await chosen({ 987: MAIN, 10234: ['patroni'] })).toMatch(/^refused/);
  });

  it('is none where the one of the named configuration does not run', async () => {
    expect(await chosen({ 10234: OTHER }, MAIN[2])).toBe('/etc/patroni/15-main.yml');
    expect(await chosen({ 10234: ['patroni'] }, MAIN[2])).toBe('/etc/patroni/15-main.yml');
  });

  it('is not told where sh could not go through those that run: no disk space for a here-document', async () => {
    const bash = { program: 'bash', first: '' };
    expect(await chosen({ 9: MAIN }, '', bash)).toBe('9 /etc/patroni/15-main.yml');
    const full = { ...bash, first: OLD_BASH_ON_A_FULL_DISK };
    expect(await chosen({ 9: MAIN }, '', full)).toMatch(/^refused: .*here-document/);
    expect(await chosen({ 9: MAIN }, MAIN[2], full)).toMatch(/^refused: .*here-document/);
  });

  it('is the only one, also with a child, with options or by a relative path', async () => {
    expect(await chosen({ 1: MAIN, 7: MAIN })).toBe('1 /etc/patroni/15-main.yml');
    expect(await chosen({ 7: ['python3', '-u', '/opt/patroni/bin/patroni', '--x', '/p.yml'] })).toBe(
      '7 /p.yml',
    );
    expect(await chosen({ 7: ['patroni', 'p.yml'] })).toBe(`7 ${directory}/p.yml`);
    await writeFile(join(directory, 'p.yml'), '');
    await symlink('p.yml', join(directory, 'link.yml'));
    expect(await chosen({ 7: ['patroni', 'p.yml'] }, join(directory, 'link.yml'))).toMatch(/^7 /);
  });

  it('is none of the programs that only name it', async () => {
    const others = {
      1: ['sudo', '-u', 'postgres', 'patroni', '/etc/patroni/15-other.yml'],
      2: ['vim', '/etc/patroni', '/etc/hosts'],
      3: ['python3', '/usr/bin/other', 'patroni', '/etc/hosts'],
    };
    expect(await chosen({ ...others, 9: MAIN })).toBe('9 /etc/patroni/15-main.yml');
    expect(await chosen(others)).toBe('');
  });
});
