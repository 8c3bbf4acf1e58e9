/**
 * What keeps a text from being one statement that can stand between parentheses; nothing when it is one. Strings,
 * quoted names, dollar quotes and comments are skipped as PostgreSQL's lexer skips them.
 */
export function statementFlaw(sql: string): string | undefined {
  let depth = 0;
  for (let at = 0; at < sql.length; ) {
    const rest = sql.slice(at);
    const skipped = skip(rest);
    if (skipped === undefined) return 'a string, a quoted name or a comment in it has no end';
    if (skipped > 0) {
      at += skipped;
      continue;
    }
    const character = rest[0];
    if (character === ';') return 'it holds more than one statement';
    if (character === '(') depth++;
    if (character === ')' && --depth < 0) return 'a parenthesis is closed that was not opened';
    at++;
  }
  return depth > 0 ? 'a parenthesis is not closed' : undefined;
}

/** The length of the quoted thing that a text begins with: 0 when it begins with none, nothing when it has no end. */
function skip(text: string): number | undefined {
  const word = /^[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/.exec(text)?.[0];
  // A word before a quote is a word, unless it is the E of an escape string; `$` inside of it opens no dollar quote.
  if (word !== undefined) return /^e'/i.test(text) ? end(text, /^e'(?:[^'\\]|''|\\[\s\S])*'/i) : word.length;
  if (text.startsWith("'")) return end(text, /^'(?:[^']|'')*'/);
  if (text.startsWith('"')) return end(text, /^"(?:[^"]|"")*"/);
  if (text.startsWith('--')) return /^--[^\n]*/.exec(text)?.[0].length ?? 0;
  if (text.startsWith('/*')) return endOfComment(text);
  const tag = /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(text)?.[0];
  if (tag === undefined) return 0;
  const close = text.indexOf(tag, tag.length);
  return close < 0 ? undefined : close + tag.length;
}

function end(text: string, pattern: RegExp): number | undefined {
  return pattern.exec(text)?.[0].length;
}

/** Comments nest. */
function endOfComment(text: string): number | undefined {
  let depth = 0;
  for (const match of text.matchAll(/\/\*|\*\//g)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return match.index + 2;
  }
  return undefined;
}
