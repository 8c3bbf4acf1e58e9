import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../../lib/language/playbook/assets.ts';
import { findProblems } from '../../../../lib/language/playbook/check.ts';
import { BLOCK, PLAY, TASK } from '../../../../lib/language/playbook/keywords.ts';
import { loadPlaybook } from '../../../../lib/language/playbook/load.ts';
import { problemText } from '../../../../lib/language/playbook/problems.ts';
import { MAGIC_VARIABLES } from '../../../../lib/language/playbook/variables.ts';
import { loadModule } from '../../../../lib/modules/registry.ts';
import { folder } from '../../playbook/support/folder.ts';

const page = (name: string): string => readFileSync(path.join(projectRoot(), 'docs', name), 'utf8');
const snippets = (name: string, language: string): readonly string[] =>
  [...page(name).matchAll(/```(\w+)\n(.*?)```/gs)].flatMap(([, tongue, text]) =>
    tongue === language && text !== undefined ? [text] : [],
  );

describe('docs/playbooks.md', () => {
  it.each(snippets('playbooks.md', 'yaml'))('snippet %# is right', async (text) => {
    const playbook = /^- (name: .*\n {2})?hosts:/.test(text)
      ? text
      : `- hosts: all\n  tasks:\n${text.replace(/^/gm, '    ')}`;
    await using dir = await folder({ 'site.yml': playbook });
    const problems = await findProblems(await loadPlaybook(dir.file('site.yml')), {
      hostVars: new Map([
        ['db1', new Set(['pgdata', 'pg_port', 'pg_bin', 'pg_user', 'barman_host', 'restore_ssh'])],
      ]),
      extraVars: { restore: true, target: 'db1' },
      groups: new Map([
        ['all', ['db1']],
        ['patroni', ['db1']],
      ]),
      hosts: ['db1'],
    });
    expect(problems.map(problemText)).toEqual([]);
  });

  it('names every key and every variable that there is', () => {
    const text = page('playbooks.md');
    for (const key of [...Object.keys({ ...PLAY, ...TASK, ...BLOCK }), ...MAGIC_VARIABLES])
      expect(text, key).toContain(`\`${key}`);
  });
});

describe('docs/writing-modules.md', () => {
  it('shows a module that loads as it stands', async () => {
    const [text = ''] = snippets('writing-modules.md', 'ts');
    await using dir = await folder({ 'modules/site/line.ts': text });
    expect(await loadModule('site.line', [dir.path])).toMatchObject({ kind: 'change' });
  });
});
