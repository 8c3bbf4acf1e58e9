import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newDirectory } from '../engine/support.ts';
import { filesBelow, leaksIn, pitrIn, plantCanaries, SINK_COUNT } from './canaries.ts';

const LOCAL = '      ansible_connection: local\n';
/** What was planted, and what the playbook was told to write. */
const PLANTED = [
  'wanted/',
  'inventory/',
  'group_vars/',
  'extra.yml',
  'vars.yml',
  'defaults.yml',
  'play.yml',
  'argv.yml',
  'wrong-',
];

describe('a secret, wherever it comes from', () => {
  it('is in nothing that is written, and on no command line', async () => {
    const site = await plantCanaries(await newDirectory(), LOCAL);
    const at = (name: string): string => join(site.directory, name);
    const play = ['play', at('play.yml'), ...site.words];
    const ran = await pitrIn(site, ...play, '-vv', '--diff', '--yes', '--output', 'json');
    const results = ran.written.split('\n').filter((line) => line.includes('"type":"host.result"'));
    expect(ran.code, ran.written.slice(-2000)).toBe(0);
    expect(results.length).toBeGreaterThanOrEqual(SINK_COUNT * site.canaries.length);
    const id = /"runId":"([^"]+)"/.exec(ran.written)?.[1] ?? '';

    const all = [
      ran,
      await pitrIn(site, ...play, '-vv', '--diff', '--yes'),
      await pitrIn(site, ...play, '-vv', '--diff', '--check'),
      await pitrIn(site, ...play, '--check', '--output', 'json'),
      await pitrIn(site, ...play, '--dry-run', '-v'),
      await pitrIn(site, ...play, '--dry-run', '--output', 'json'),
      await pitrIn(site, ...play, '--list-tasks'),
      await pitrIn(site, 'inventory', 'host', 'target', '-i', at('inventory')),
      await pitrIn(site, 'inventory', 'list', '-i', at('inventory'), '--output', 'json'),
      await pitrIn(
        site,
        'exec',
        'target',
        ...site.words,
        '--',
        'cat',
        `${site.directory}/inventory/hosts.yml`,
      ),
      await pitrIn(site, 'runs', id),
      await pitrIn(site, 'runs', id, '--output', 'json'),
      await pitrIn(site, 'undo', id, '--check'),
      await pitrIn(site, 'undo', id, '--check', '--output', 'json'),
      ...(await Promise.all(
        site.canaries.map((_, i) => pitrIn(site, 'play', at(`wrong-${i}.yml`), ...site.words)),
      )),
    ];
    for (const { written } of all) expect(leaksIn(written, site.canaries)).toEqual([]);
    const files = await filesBelow(site.directory, PLANTED);
    // The commands themselves looked at all command lines while they ran.
    expect([...files.keys()].filter((path) => /ps-\d+$/.test(path))).toHaveLength(site.canaries.length);
    for (const [path, text] of files) expect(leaksIn(text, site.canaries), path).toEqual([]);
  }, 300_000);

  it('that a task puts on a command line is warned of before it runs: task, file, line and the way', async () => {
    const site = await plantCanaries(await newDirectory(), LOCAL);
    for (const mode of [['--dry-run'], ['--check'], ['--yes']]) {
      const { written } = await pitrIn(
        site,
        'play',
        join(site.directory, 'argv.yml'),
        ...site.words,
        ...mode,
        '--output',
        'json',
      );
      expect(leaksIn(written, site.canaries)).toEqual([]);
      const events = written
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      for (const [i, { source }] of site.canaries.entries()) {
        // What a command will print is known only when it has run.
        if (source === 'register' && mode[0] !== '--yes') continue;
        const said = events.findIndex(
          ({ type, text = '' }) =>
            type === 'warning' &&
            text.startsWith(`"on a command line ${i}" (`) &&
            /argv\.yml:\d+\)/.test(text) &&
            text.includes('environment:') &&
            text.includes('stdin'),
        );
        const done = events.findIndex(
          ({ type, task }) => type === 'host.result' && task.name === `on a command line ${i}`,
        );
        expect(said, `${source} ${mode}`).toBeGreaterThan(-1);
        expect(said).toBeLessThan(done);
      }
    }
  }, 120_000);
});
