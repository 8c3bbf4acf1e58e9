import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../../lib/language/playbook/assets.ts';
import { findPlaybook } from '../../../../lib/language/playbook/find.ts';
import { folder, shown } from './support/folder.ts';

const FILES = {
  'recover.yml': '',
  'playbooks/mine.yml': '',
  'playbooks/recover.yml': '',
  'other/deep.yaml': '',
};

describe('findPlaybook', () => {
  it.each([
    ['recover.yml', 'recover.yml'],
    ['recover', 'recover.yml'],
    ['mine', 'playbooks/mine.yml'],
    ['mine.yml', 'playbooks/mine.yml'],
    ['other/deep', 'other/deep.yaml'],
    ['./recover.yml', './recover.yml'],
  ])('%s in the working directory is %s', async (name, found) => {
    await using dir = await folder(FILES);
    expect(findPlaybook(name, dir.path)).toBe(found);
  });

  it('falls back to the product’s own', async () => {
    await using dir = await folder({});
    expect(findPlaybook('recover', dir.path)).toBe(path.join(projectRoot(), 'playbooks', 'recover.yml'));
    expect(() => findPlaybook('./recover.yml', dir.path)).toThrow('no playbook "./recover.yml"');
  });

  it.each(['recover.yml/deep', `${'x'.repeat(300)}.yml`])(
    'no file can be called %s: there is none',
    async (name) => {
      await using dir = await folder({ 'recover.yml': '', playbooks: 'a file' });
      expect(() => findPlaybook(path.join(dir.path, name), dir.path)).toThrow(
        expect.objectContaining({ code: 'playbook-not-found' }),
      );
    },
  );

  it('names what exists when there is none of that name', async () => {
    await using dir = await folder(FILES);
    try {
      findPlaybook('recovr.yml', dir.path);
      expect.unreachable();
    } catch (error) {
      const text = shown(error, dir.path);
      expect(text).toContain('no playbook "recovr.yml" (did you mean "recover.yml"?)');
      expect(text).toContain('in ./playbooks: mine.yml, recover.yml');
      expect(text).toContain("pitr's own: ");
    }
  });
});

it('the product is found from where its code lies', () => {
  expect(path.isAbsolute(projectRoot())).toBe(true);
  expect(import.meta.dirname.startsWith(projectRoot())).toBe(true);
});
