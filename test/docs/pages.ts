import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkoutRoot } from '../../lab/checkout.ts';

/** A fenced block of a page. */
export interface Block {
  /** From the root of the checkout. */
  readonly page: string;
  readonly line: number;
  /** `sh`, `yaml`, `ts`; nothing where the fence names none. */
  readonly language: string;
  readonly text: string;
  /** Why it is not run: the comment `not run: ...` right above the fence. */
  readonly notRun: string | undefined;
  /** There is another such comment above that one, which nobody reads. */
  readonly saidTwice: boolean;
}

/** What a reader reads: README, CONTRIBUTING and docs/. */
export const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(path.join(checkoutRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];

export function pageText(page: string): string {
  return readFileSync(path.join(checkoutRoot, page), 'utf8');
}

/** A fence may be indented: within the point of a list. */
const FENCED = /^([ \t]*)```(\w*)\n(.*?)^\1```$/gms;
const NOT_RUN = /^\s*<!-- not run: (.+) -->$/;

export function blocksOf(page: string): readonly Block[] {
  return blocksIn(pageText(page), page);
}

export function blocksIn(text: string, page: string): readonly Block[] {
  return [...text.matchAll(FENCED)].map(({ 1: indent = '', 2: language = '', 3: inside = '', index }) => {
    const [above = '', before = ''] = text.slice(0, index).trimEnd().split('\n').reverse();
    return {
      page,
      line: text.slice(0, index).split('\n').length,
      language,
      text: inside.replace(new RegExp(`^${indent}`, 'gm'), ''),
      notRun: NOT_RUN.exec(above)?.[1],
      saidTwice: NOT_RUN.test(above) && NOT_RUN.test(before),
    };
  });
}

/** A command as a page shows it. */
export interface ShownCommand {
  readonly where: string;
  readonly line: string;
}

/** The commands of a block of shell lines, without their remarks. */
export function commandsOf({ page, line, text }: Block): readonly ShownCommand[] {
  return text
    .split('\n')
    .map((shown, at) => ({ where: `${page}:${line + 1 + at}`, line: withoutRemark(shown) }))
    .filter(({ line: command }) => command !== '');
}

/** A remark begins with a `#` at the beginning or behind two blanks. */
function withoutRemark(line: string): string {
  return line.replace(/(^| {2,})#.*$/, '').trim();
}

/** What stands between backticks in the running text, outside of fenced blocks and comments. */
export function spansOf(page: string): readonly string[] {
  const running = pageText(page)
    .replace(FENCED, '')
    .replace(/<!--.*?-->/gs, '');
  return [...running.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span.replace(/\s+/g, ' '));
}
