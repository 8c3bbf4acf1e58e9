import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import { runHere } from '../support/run-here.ts';
import { folder } from '../unit/language/playbook/support/folder.ts';
import { blocksOf, pageText } from './pages.ts';

const PAGE = 'CONTRIBUTING.md';

/** The steps of the worked examples: the files that one links, and the names that it says are in them. */
const steps = [...pageText(PAGE).matchAll(/^\d+\. (.+(?:\n {3}.+)*)/gm)].map(([, text = '']) => ({
  text: text.replace(/\s+/g, ' '),
  files: [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, file = '']) => file),
  names: [...text.matchAll(/`([A-Za-z_][\w.]*(?:-[\w]+)*)`/g)]
    .map(([, name = '']) => name)
    .filter((name) => !name.endsWith('.ts')),
}));

function partOf(example: number): string {
  return (
    pageText(PAGE)
      .split(/^### /m)
      .find((part) => part.startsWith(`${example}. `)) ?? ''
  );
}

/** From the root of the checkout. */
function filesOf(room: string): readonly string[] {
  return readdirSync(path.join(checkoutRoot, room), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(checkoutRoot, path.join(entry.parentPath, entry.name)))
    .sort();
}

function textOf(file: string): string {
  return readFileSync(path.join(checkoutRoot, file), 'utf8');
}

describe('the worked examples of CONTRIBUTING.md', () => {
  it('are six', () => {
    expect([...pageText(PAGE).matchAll(/^### \d\. /gm)]).toHaveLength(6);
    expect(steps.length).toBeGreaterThan(20);
  });

  it.each(steps)('name what is in the files: $text', ({ files, names }) => {
    expect(files.length).toBeGreaterThan(0);
    const texts = files.map((file) => {
      expect(existsSync(path.join(checkoutRoot, file)), file).toBe(true);
      return readFileSync(path.join(checkoutRoot, file), 'utf8');
    });
    expect(names.filter((name) => !texts.some((text) => text.includes(name)))).toEqual([]);
  });

  it.each([
    { example: 1, room: 'playbooks', what: /^\s*(?:- )?postgres\.promote:/m },
    { example: 4, room: 'playbooks', what: /^\s*(?:- )?barman\.\w+:/m },
    { example: 4, room: 'cli', what: /module: 'barman\.\w+'/ },
  ])('$example names every file of $room with $what', ({ example, room, what }) => {
    const named = [...partOf(example).matchAll(/\]\(([^)]+)\)/g)].map(([, file = '']) => file);
    const found = filesOf(room).filter((file) => what.test(textOf(file)));
    expect(found.length).toBeGreaterThan(2);
    expect(found.filter((file) => !named.includes(file))).toEqual([]);
    // The others of that room are where what is asked for is looked up.
    const others = named.filter((file) => file.startsWith(`${room}/`) && !found.includes(file));
    expect(others.filter((file) => !/^promotion_timeout:|barmanHost/m.test(textOf(file)))).toEqual([]);
  });

  it('5 names every file that tells the kinds of host apart', () => {
    const apart = /'docker'|settings\.kind\b|\bCONNECTIONS\b|CONNECTION_VARS\.connection\b/;
    const found = ['lib', 'cli'].flatMap(filesOf).filter((file) => apart.test(textOf(file)));
    expect(found.length).toBeGreaterThan(8);
    expect(found.filter((file) => !partOf(5).includes(`](${file})`))).toEqual([]);
  });

  it('4 says rightly who does not know of Barman', () => {
    expect(partOf(4)).toContain('Neither the language nor the transports know of Barman');
    const rooms = ['lib/language', 'lib/transport'].flatMap(filesOf);
    expect(rooms.filter((file) => /barman/i.test(textOf(file)))).toEqual([]);
  });

  it('the module that manages cron does what its test says, and is taken back', async () => {
    const [module, test] = ['ts', 'yaml'].map(
      (language) => blocksOf(PAGE).find((block) => block.language === language)?.text ?? '',
    );
    await using dir = await folder({
      'modules/cron/job.ts': module ?? '',
      'test-cron-job.yml': test ?? '',
      'inventory.yml': 'all:\n  hosts:\n    localhost: { ansible_connection: local }\n',
      'keep.yml':
        '- hosts: localhost\n  tasks:\n    - cron.job: { name: nightly, schedule: "@daily", command: "true", directory: "{{ playbook_dir }}" }\n',
    });
    const outer = process.env.PITR_STATE_DIR;
    process.env.PITR_STATE_DIR = dir.file('state');
    try {
      const tested = await runHere(dir.path, 'play', 'test-cron-job.yml');
      expect({ code: tested.code }, tested.stdout + tested.stderr).toEqual({ code: 0 });
      const kept = await runHere(dir.path, 'play', 'keep.yml');
      expect({ code: kept.code }, kept.stdout + kept.stderr).toEqual({ code: 0 });
      expect(readFileSync(dir.file('nightly'), 'utf8')).toBe('@daily root true\n');
      const runs = await runHere(dir.path, 'runs', '--output', 'json');
      const run: { id: string } = JSON.parse(
        runs.stdout.split('\n').find((line) => line.includes('keep.yml')) ?? '{}',
      );
      const undone = await runHere(dir.path, 'undo', run.id, '--yes');
      expect({ code: undone.code }, undone.stdout + undone.stderr).toEqual({ code: 0 });
      expect(existsSync(dir.file('nightly'))).toBe(false);
    } finally {
      if (outer === undefined) delete process.env.PITR_STATE_DIR;
      else process.env.PITR_STATE_DIR = outer;
    }
  });
});
