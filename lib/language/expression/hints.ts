import { asCondition } from '../jinja/to-condition.ts';
import { TYPE_NAMES } from './reserved.ts';

/**
 * What to write instead of what Jinja or another language would have; nothing when there is no idea. A rewrite is offered
 * only where `accepts` says that it is a condition.
 */
export function syntaxHint(text: string, accepts: (condition: string) => boolean): string | undefined {
  if (/^\s*$/.test(text)) return 'Write an expression, or remove the key.';
  const bare = withoutStrings(text);
  const rewritten = [asCondition(text), rewrite(text, bare)].find(
    (one) => one !== undefined && withoutBlanks(one) !== withoutBlanks(text) && accepts(one),
  );
  if (rewritten !== undefined) return `Write: ${rewritten}`;
  if (/(?<!\|)\|(?!\|)/.test(bare)) {
    return 'There are no filters with |: use functions, as in size(x), lower(x), has(x), x.contains("y").';
  }
  if (/\bis\s+(?:not\s+)?\w+/.test(bare))
    return 'There are no tests with "is": write has(x), "key" in x, x == null, x.matches("pattern").';
  if (/[\w)\]]\.\d/.test(bare)) return 'Items of a list are written x[0].';
  if (/''/.test(text)) return "A quote inside quotes is written \\', or use the other kind of quotes.";
  return undefined;
}

const IS_DEFINED = /(?!(?:and|or|not)\b)\b([A-Za-z_][\w.]*)\s+is\s+(not\s+)?(?:defined|undefined)\b/g;

/** The same in this language where word for word is enough. Strings are left alone. */
function rewrite(text: string, bare: string): string {
  const edits: { readonly start: number; readonly end: number; readonly by: string }[] = [];
  const add = (pattern: RegExp, by: (match: RegExpMatchArray) => string): void => {
    for (const match of bare.matchAll(pattern)) {
      edits.push({ start: match.index, end: match.index + match[0].length, by: by(match) });
    }
  };
  add(IS_DEFINED, (match) => {
    const negated = (match[2] !== undefined) !== match[0].endsWith('undefined');
    return `${negated ? '!' : ''}has(${match[1]})`;
  });
  add(/\band\b/g, () => '&&');
  add(/\bor\b/g, () => '||');
  add(/\bnot\s+(?=\w|\()/g, () => '!');
  add(/===/g, () => '==');
  add(/<>/g, () => '!=');
  add(/(?<![=!<>])=(?!=)/g, () => '==');
  const kept = edits.filter(
    (edit) => !edits.some((other) => other !== edit && other.start <= edit.start && edit.end <= other.end),
  );
  let out = text;
  for (const edit of kept.sort((a, b) => b.start - a.start))
    out = out.slice(0, edit.start) + edit.by + out.slice(edit.end);
  return out;
}

function withoutBlanks(text: string): string {
  return text.replace(/\s/g, '');
}

/** The text with nothing but quotes where texts were, offsets kept. */
function withoutStrings(text: string): string {
  return text.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/gs, (literal) => '"'.repeat(literal.length));
}

/** A type's name where a variable was meant. */
export function reservedHint(text: string): string | undefined {
  const words = withoutStrings(text).matchAll(/(?<![.\w])([a-z_]+)\b(?!\s*\()/g);
  const name = [...words].map((match) => match[1] ?? '').find((word) => TYPE_NAMES.has(word));
  return name === undefined
    ? undefined
    : `"${name}" is a word of the language, not a variable: rename the variable.`;
}

/** A constant that other languages write with a capital. */
export function constantHint(name: string): string | undefined {
  const constants: Readonly<Record<string, string>> = {
    True: 'true',
    False: 'false',
    None: 'null',
    nil: 'null',
    undefined: 'null',
  };
  const meant = Object.hasOwn(constants, name) ? constants[name] : undefined;
  return meant === undefined ? undefined : `Write ${meant}.`;
}

const TYPES: readonly (readonly [RegExp, string])[] = [
  [/\bdyn<([^<>]*)>/g, '$1'],
  [/\b(?:double|int|uint)\b/g, 'number'],
  [/\bstring\b/g, 'text'],
  [/\bbool\b/g, 'true/false'],
  [/\blist<[^>]*>+/g, 'list'],
  [/\bmap<[^>]*>+/g, 'map'],
  [/\bdyn\b/g, 'anything'],
];

/** The library's message in the operator's words, and what to do about it. */
export function failureWords(
  code: string,
  summary: string,
): { readonly message: string; readonly hint?: string | undefined } {
  let words = summary;
  for (const [pattern, by] of TYPES) words = words.replace(pattern, by);
  const overload = /^no such overload: (.*)$/.exec(words)?.[1];
  if (overload !== undefined) return { message: `there is no ${overload}`, hint: overloadHint(overload) };
  if (code === 'invalid_logical_operand' || code === 'invalid_condition_type') {
    const got = /got '([^']*)'/.exec(words)?.[1] ?? 'something else';
    return { message: `a test must be true or false, not ${got}`, hint: truthHint(got) };
  }
  if (/^(?:unexpected|expected)_/.test(code)) return { message: 'it cannot be read from here on' };
  if (words === 'has() invalid argument')
    return {
      message: 'has() takes names with dots between them',
      hint: 'Behind an index, ask what holds the key: has(x[i].key) is written "key" in x[i].',
    };
  if (code === 'index_out_of_bounds') return { message: 'the list has no such item' };
  return { message: words.charAt(0).toLowerCase() + words.slice(1) };
}

function overloadHint(overload: string): string | undefined {
  if (overload === 'text in text') return 'Write text.contains("part").';
  if (overload.startsWith('!')) return truthHint(overload.slice(1));
  if (/text [<>=]+ number|number [<>=]+ text/.test(overload))
    return 'Compare equal types: double(x) makes a number of a text, string(x) a text of a number.';
  if (/text \+ number|number \+ text/.test(overload)) return 'Write string(x) to make a text of a number.';
  return undefined;
}

export function truthHint(kind: string): string {
  if (kind === 'number') return 'Compare it: x == 0, x != 0.';
  if (kind === 'text')
    return 'Compare it: x == "yes", x != "", size(x) > 0; true and false stand without quotes in YAML.';
  if (kind === 'list' || kind === 'map') return 'Compare its size: size(x) > 0.';
  return 'Compare it: x != null.';
}
