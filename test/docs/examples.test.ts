import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMAND_NAMES, COMMANDS } from '../../cli/commands.ts';
import { commandHelp } from '../../cli/help.ts';
import { checkoutRoot } from '../../lab/checkout.ts';
import { loadInventory } from '../../lib/language/inventory/load.ts';
import { findProblems } from '../../lib/language/playbook/check.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { problemText } from '../../lib/language/playbook/problems.ts';
import { loadModule } from '../../lib/modules/registry.ts';
import { folder } from '../unit/language/playbook/support/folder.ts';
import { flawOf, pitrWords, strangeOptions } from './command-words.ts';
import { blocksIn, blocksOf, commandsOf, PAGES, pageText, spansOf } from './pages.ts';

const blocks = PAGES.flatMap(blocksOf);
const at = ({ page, line }: { readonly page: string; readonly line: number }): string => `${page}:${line}`;
const shell = blocks.filter(({ language }) => language === 'sh').flatMap(commandsOf);
const here = (file: string): string => path.join(checkoutRoot, file);

describe('a fenced block', () => {
  it('is run (sh), checked (yaml) or loaded (ts), or says why not', () => {
    const strange = blocks.filter(({ language }) => !['sh', 'yaml', 'ts', 'text'].includes(language));
    expect(strange.map(at)).toEqual([]);
    const silent = blocks.filter(({ language, notRun }) => language === 'text' && notRun === undefined);
    expect(silent.map(at)).toEqual([]);
    const skipped = blocks.filter(
      ({ language, notRun }) => ['yaml', 'ts'].includes(language) && notRun !== undefined,
    );
    expect(skipped.map(at)).toEqual([]);
    expect(blocks.filter(({ saidTwice }) => saidTwice).map(at)).toEqual([]);
  });

  it('is found wherever it stands: every fence of a page belongs to one', () => {
    for (const page of PAGES) {
      const fences = pageText(page).match(/^\s*(?:```|~~~)/gm) ?? [];
      expect([page, fences.length]).toEqual([page, 2 * blocksOf(page).length]);
    }
    const [block] = blocksIn('- a point:\n\n  ```yaml\n  a:\n    b: 1\n  ```\n', 'page');
    expect(block).toMatchObject({ line: 3, language: 'yaml', text: 'a:\n  b: 1\n' });
  });

  it.each(blocks.filter(({ language }) => language === 'yaml'))(
    'of YAML is right: $page:$line',
    async ({ text, page }) => {
      // What a page says of modules of one's own it shows: all of its TypeScript lies beside its playbooks.
      await using dir = await folder({ 'site.yml': asPlaybook(text), ...modulesOf(page) });
      if (/^all:/.test(text)) {
        expect((await loadInventory([dir.file('site.yml')])).hosts.size).toBeGreaterThan(0);
        return;
      }
      const hosts = ['db1', 'localhost'];
      const problems = await findProblems(await loadPlaybook(dir.file('site.yml')), {
        hostVars: new Map(hosts.map((host) => [host, HOST_VARS])),
        extraVars: { restore: true, target: 'db1' },
        groups: new Map([
          ['all', hosts],
          ['patroni', ['db1']],
        ]),
        hosts,
      });
      expect(problems.map(problemText)).toEqual([]);
    },
  );

  it.each(blocks.filter(({ language }) => language === 'ts'))(
    'of TypeScript loads: $page:$line',
    async ({ text }) => {
      const name = nameOfModule(text);
      await using dir = await folder({ [`modules/${name.replace('.', '/')}.ts`]: text });
      expect(await loadModule(name, [dir.path])).toMatchObject({ kind: 'change' });
    },
  );
});

/** What an inventory says of a database node. */
const HOST_VARS = new Set(['pgdata', 'pg_port', 'pg_bin', 'pg_user', 'barman_host', 'restore_ssh']);

/** Tasks alone get a play around them. */
function asPlaybook(text: string): string {
  return /^all:|^- (name: .*\n {2})?hosts:/.test(text)
    ? text
    : `- hosts: all\n  tasks:\n${text.replace(/^/gm, '    ')}`;
}

function modulesOf(page: string): Record<string, string> {
  return Object.fromEntries(
    blocksOf(page)
      .filter(({ language }) => language === 'ts')
      .map(({ text }) => [`modules/${nameOfModule(text).replace('.', '/')}.ts`, text]),
  );
}

/** A module's examples begin with its name. */
function nameOfModule(text: string): string {
  return /examples: ['"`]- ([a-z_]+\.[a-z_]+):/.exec(text)?.[1] ?? 'none.none';
}

describe('a command in a page', () => {
  it('of pitr is one that pitr takes, with its options and words', async () => {
    const flaws: string[] = [];
    for (const { where, line } of shell) {
      for (const words of pitrWords(line)) {
        const flaw = await flawOf(words);
        if (flaw !== undefined) flaws.push(`${where}: ${line}: ${flaw}`);
      }
    }
    expect(shell.filter(({ line }) => pitrWords(line).length > 0).length).toBeGreaterThan(20);
    expect(flaws).toEqual([]);
  });

  it('of npm is a script of package.json, a step of npm test, an action of the lab, a file that is there', () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(
      readFileSync(here('package.json'), 'utf8'),
    );
    const steps = readFileSync(here('test/run.mjs'), 'utf8');
    const lines = [...shell.map(({ line }) => line), ...PAGES.flatMap(spansOf)];
    const wrong = lines.flatMap((line) =>
      [...line.matchAll(/npm (?:run ([\w:]+)|(test))(?: -- (.*))?/g)].filter(
        ([, script, test, rest = '']) => {
          const [first = ''] = rest.split(' ');
          const isStep =
            test === undefined ||
            rest === '' ||
            /^[`<]/.test(rest) ||
            new RegExp(`^  ${first}: `, 'm').test(steps);
          const files = rest.match(/(?:test|lib|cli)\/[\w./-]+/g) ?? [];
          return (
            !Object.hasOwn(scripts, script ?? 'test') ||
            !isStep ||
            files.some((file) => !existsSync(here(file)))
          );
        },
      ),
    );
    expect(wrong.map(([command]) => command)).toEqual([]);
  });

  it('is one that pitr has, in the running text too, and so are its options', async () => {
    const wrong: string[] = [];
    for (const page of PAGES) {
      for (const span of spansOf(page).filter((text) => text.startsWith('pitr '))) {
        const strange = await strangeOptions(span);
        if (strange.length > 0) wrong.push(`${page}: \`${span}\`: ${strange.join(', ')}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('the help', () => {
  it.each(COMMAND_NAMES)('of %s shows examples that pitr takes, and fits a terminal', async (name) => {
    const command = await COMMANDS[name]?.load();
    if (command === undefined) throw new Error(`no command ${name}`);
    expect(command.examples.length).toBeGreaterThan(0);
    for (const { command: line } of command.examples)
      for (const words of pitrWords(line)) expect([line, await flawOf(words)]).toEqual([line, undefined]);
    expect(commandHelp(command)).toContain('Examples:');
  });
});

describe('a page', () => {
  it.each(PAGES)('names and links only files that are there: %s', (page) => {
    const text = pageText(page);
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = '']) =>
      path.join(path.dirname(page), link),
    );
    const named = spansOf(page).flatMap((span) =>
      /^(?:lib|cli|test|docs|playbooks|templates|inventory|lab|bench)\/[\w./-]*\w\/?$/.test(span)
        ? [span]
        : [],
    );
    const OF_USERS = ['inventory/prod.yml', 'inventory/production.yml'];
    const missing = [...links, ...named].filter(
      (file) => !OF_USERS.includes(file) && !existsSync(here(file)),
    );
    expect(missing).toEqual([]);
  });
});
