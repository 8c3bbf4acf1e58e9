import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listModules } from '../../../lib/modules/registry.ts';

const LIB = join(import.meta.dirname, '../../../lib');
const ROOMS = ['engine', 'language', 'contract'];

/** Journals of 0.1.0 say of a change who made it and not what it leaves behind. */
const READS_OLD_JOURNALS = 'engine/journal/effects-of.ts';

/** Names that decide nothing about the module of somebody else, each with its reason. */
const RIGHTLY = [
  // `gather_facts` is a word of the language, and stands for a task with this module.
  'language/playbook/load-play.ts: core.facts',
  // An example in a message of how modules are called.
  'language/playbook/ansible.ts: fs.copy',
];

/** Code alone: comments may have examples. */
function withoutComments(text: string): string {
  return text.replace(/\/\*.*?\*\//gs, '').replace(/^\s*\/\/.*$/gm, '');
}

it('neither engine nor language decides by the name of a module, so that that of somebody else is treated like ours', async () => {
  const names = await listModules();
  expect(names).toEqual(expect.arrayContaining(['fs.move', 'core.set_fact']));
  const files = await Promise.all(
    ROOMS.map(async (room) =>
      (await readdir(join(LIB, room), { recursive: true })).map((file) => `${room}/${file}`),
    ),
  );
  const found = await Promise.all(
    files
      .flat()
      .filter((file) => file.endsWith('.ts') && file !== READS_OLD_JOURNALS)
      .map(async (file) => {
        const code = withoutComments(await readFile(join(LIB, file), 'utf8'));
        return names
          .filter((name) => ["'", '"', '`'].some((quote) => code.includes(`${quote}${name}${quote}`)))
          .map((name) => `${file}: ${name}`);
      }),
  );
  expect(found.flat().sort()).toEqual(RIGHTLY.toSorted());
});
