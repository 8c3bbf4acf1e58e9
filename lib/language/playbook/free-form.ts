import { located } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { lineAndColumn, positionInText } from '../yaml/position.ts';
import type { Fields, Mapping } from './fields.ts';
import type { ModuleForm } from './load-context.ts';
import { mergedArgs, underName } from './located-args.ts';
import type { ProblemList } from './problems.ts';

/** One `word=value` of a plain text. */
export interface FreeFormWord {
  readonly word: string;
  /** Quotes around it are taken off. */
  readonly value: string;
  /** Offset in the text. */
  readonly at: number;
}

/** A plain text without the words that were found in it. */
export interface FreeForm {
  readonly text: string;
  readonly words: readonly FreeFormWord[];
}

/**
 * A plain text under a module's name as params, with the `word=value` in it that is meant for others of them. What is
 * neither clearly for the module nor clearly for the program is a problem, and so are params in the form of Ansible.
 */
export function freeFormArgs(
  fields: Fields,
  key: string,
  param: string,
  { params, words }: ModuleForm,
  problems: ProblemList,
): Located<Mapping> | undefined {
  const written = fields.part(key);
  const text = written.value;
  if (typeof text !== 'string') return underName(written, param);
  const takesWords = Object.keys(words).length > 0;
  const first = /^\s*([a-z_]+)=/.exec(text)?.[1];
  if (first !== undefined && (first === param || (!takesWords && params.includes(first)))) {
    fields.wrong(
      key,
      'has its params as name=value',
      `write "${first}: ..." on a line of its own under ${key}:`,
    );
    return undefined;
  }
  const form = splitFreeForm(text, new Set(Object.keys(words)));
  if (form.words.length === 0) return underName(written, param);
  const extra: Record<string, string> = {};
  const several = text.trim().includes('\n');
  for (const { word, value, at } of form.words) {
    const meant = words[word];
    if (typeof meant === 'string' && !several) {
      extra[meant] = value;
      continue;
    }
    const { line, column } = lineAndColumn(text, at);
    problems.add({
      // A word of the form name=value stands in a text that is given to a module.
      code: 'free-form-word',
      at: positionInText(written.at, line, column),
      ...(typeof meant === 'string'
        ? {
            message: `"${word}=" in a text of several lines: is it for ${key} or for the shell?`,
            hints: [
              `for ${key} write it beside the text: args: { ${meant}: ... }`,
              'a variable of the shell needs another name',
            ],
          }
        : { message: `${key} has no "${word}="`, hints: meant === undefined ? [] : [meant.instead] }),
    });
  }
  const rest = { ...underName(written, param), value: { [param]: form.text } };
  return mergedArgs([rest, located(extra, written.at)]);
}

/**
 * Takes `word=value` out of a text wherever one of the words begins outside of quotes and templates. A value goes to the
 * next blank outside of them.
 */
export function splitFreeForm(text: string, words: ReadonlySet<string>): FreeForm {
  const found: FreeFormWord[] = [];
  let rest = '';
  let kept = 0;
  for (let at = 0; at < text.length; ) {
    const end = tokenEnd(text, at);
    const token = text.slice(at, end);
    const word = /^([a-z_]+)=/.exec(token)?.[1];
    if (word !== undefined && words.has(word)) {
      found.push({ word, value: unquoted(token.slice(word.length + 1)), at });
      rest += text.slice(kept, at).replace(/[ \t]+$/, '');
      kept = end;
    }
    at = end;
    while (at < text.length && /\s/.test(text[at] ?? '')) at++;
  }
  return { text: (rest + text.slice(kept)).trimStart(), words: found };
}

/** Where a word ends that begins here: at a blank that stands neither in quotes nor in a template. */
function tokenEnd(text: string, start: number): number {
  let quote: string | undefined;
  for (let at = start; at < text.length; at++) {
    const sign = text[at] ?? '';
    if (text.startsWith('{{', at)) {
      const close = text.indexOf('}}', at);
      if (close !== -1) at = close + 1;
    } else if (sign === '\\' && quote !== "'") at++;
    else if (quote !== undefined) {
      if (sign === quote) quote = undefined;
    } else if (sign === '"' || sign === "'") quote = sign;
    else if (/\s/.test(sign)) return at;
  }
  return text.length;
}

function unquoted(value: string): string {
  const quote = value[0];
  return value.length > 1 && (quote === '"' || quote === "'") && value.endsWith(quote)
    ? value.slice(1, -1)
    : value;
}
