import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../../lib/language/playbook/assets.ts';
import { BLOCK, PLAY, TASK } from '../../../../lib/language/playbook/keywords.ts';
import { MAGIC_VARIABLES } from '../../../../lib/language/playbook/variables.ts';

const page = (name: string): string => readFileSync(path.join(projectRoot(), 'docs', name), 'utf8');
describe('docs/playbooks.md', () => {
  it('names every key and every variable that there is', () => {
    const text = page('playbooks.md');
    for (const key of [...Object.keys({ ...PLAY, ...TASK, ...BLOCK }), ...MAGIC_VARIABLES])
      expect(text, key).toContain(`\`${key}`);
  });
});
