import { describe, expect, it } from 'vitest';
import { elsewhereOf, shownLines } from './elsewhere.ts';
import { RECOVERIES } from './recoveries.ts';
import { carriesOut, type LabWords, typedHere } from './typed-here.ts';

const words: LabWords = {
  dockerInventory: '/lab/docker.yml',
  sshInventory: '/lab/ssh.yml',
  leader: 'db4',
  target: 'db3',
  moment: '2026-11-28 10:00:00+00',
  backup: '20261128T090000',
  server: 'main',
};
const shown = (await shownLines()).filter(({ line }) => elsewhereOf(line) === undefined);

describe('an example, as it is typed on the lab', () => {
  it.each([
    [
      "pitr play recover.yml -i inventory/prod.yml -e target=db2 -e target_time='2026-11-22 14:03:07+00' --check",
      "pitr play recover.yml -i /lab/docker.yml -e target=db3 -e target_time='2026-11-28 10:00:00+00' --check",
    ],
    [
      "pitr play recover.yml -i inventory/lab-ssh.yml --check \\\n    -e target=db2 -e backup=latest -e 'target_time=2026-01-23 12:30:00+00'",
      "pitr play recover.yml -i /lab/ssh.yml --check -e target=db3 -e backup=latest -e 'target_time=2026-11-28 10:00:00+00'",
    ],
    ['pitr play cutover.yml -e target=db2', 'pitr play cutover.yml -e target=db3 --dry-run'],
    ['pitr play recover.yml --dry-run -e target=db2', 'pitr play recover.yml --dry-run -e target=db3'],
    [
      "pitr recover 20260123T120000 '2026-01-23 12:29:59.5+00' \\\n    --server db1 --target db2 --restore",
      "pitr recover 20261128T090000 '2026-11-28 10:00:00+00' --server main --target db3 --restore --dry-run",
    ],
    [
      'pitr play revert.yml -e recovery_run=<run> -e leader=db1',
      'pitr play revert.yml -e recovery_run=ID -e leader=db4 --dry-run',
    ],
    [
      "pitr recover 20260123T120000 '2026-01-23 12:30:00+00'",
      "pitr recover 20261128T090000 '2026-11-28 10:00:00+00' --for db3 --dry-run",
    ],
    [
      'pitr recover auto latest --target db2 --restore',
      'pitr recover auto latest --target db3 --restore --dry-run',
    ],
    ['pitr undo 20261122T144512-7f3a --from 7', 'pitr undo ID --from 7 --yes'],
    ['pitr undo <run> --check', 'pitr undo ID --check'],
    ['pitr resume ./journal.jsonl', 'pitr resume journal.jsonl --yes --trust-journal'],
  ])('%s', (line, typed) => {
    expect(typedHere(line, words, 'ID')).toBe(typed);
  });

  it('only looks where the page only looks, and where a recovery would be carried out', () => {
    const checks = shown.filter(({ line }) => line.includes('--check'));
    expect(checks.length).toBeGreaterThan(5);
    for (const { line } of checks) {
      expect(typedHere(line, words)).toContain('--check');
      expect(typedHere(line, words)).not.toContain('--dry-run');
    }
    const recovers = shown.filter(({ line }) => /^pitr (?:recover|play recover\.yml)/.test(line));
    expect(recovers.length).toBeGreaterThan(3);
    for (const { line } of recovers) expect(typedHere(line, words)).toMatch(/ --(?:check|dry-run)\b/);
  });

  it('is carried out as it stands, too, where it is a recovery', () => {
    const recoveries = shown.filter(({ line }) => carriesOut(line));
    expect(recoveries.length).toBeGreaterThan(5);
    for (const { where, line } of recoveries) {
      const kinds = Object.values(RECOVERIES).filter((known) => known.test(line));
      expect([where, line, kinds.length]).toEqual([where, line, 1]);
    }
    for (const [kind, known] of Object.entries(RECOVERIES))
      expect([kind, recoveries.some(({ line }) => known.test(line))]).toEqual([kind, true]);
  });
});
