import { existsSync, readFileSync } from 'node:fs';
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
