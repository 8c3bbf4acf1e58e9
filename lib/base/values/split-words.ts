/** Why a text cannot be split into words. */
export type SplitFault =
  | { readonly fault: 'unclosed-quote'; readonly quote: string }
  | { readonly fault: 'shell-operator'; readonly operator: string };

const OPERATOR = /^(?:\|\|?|&&?|;|\d?>>?(?:&\d)?|\d?<<?|\()$/;

/**
 * The words of a command line, by a shell's rules for quotes and backslashes and nothing else: no variables, no
 * globs. An unquoted operator (`|`, `>`, `&&`) as a word is a fault: without a shell it would be an argument.
 */
export function splitWords(text: string): readonly string[] | SplitFault {
  const words: string[] = [];
  let word = '';
  let started = false;
  let bare = true;
  const finish = (): SplitFault | undefined => {
    if (!started) return undefined;
    if (bare && OPERATOR.test(word)) return { fault: 'shell-operator', operator: word };
    words.push(word);
    word = '';
    started = false;
    bare = true;
    return undefined;
  };
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? '';
    if (/\s/.test(character)) {
      const fault = finish();
      if (fault !== undefined) return fault;
      continue;
    }
    started = true;
    if (character === '\\') {
      bare = false;
      word += text[++i] ?? '';
    } else if (character === "'" || character === '"') {
      bare = false;
      const end = closingQuote(text, i);
      if (end === undefined) return { fault: 'unclosed-quote', quote: character };
      const inner = text.slice(i + 1, end);
      word += character === '"' ? inner.replace(/\\(?:(["\\$`])|\n)/g, '$1') : inner;
      i = end;
    } else {
      word += character;
    }
  }
  return finish() ?? words;
}

function closingQuote(text: string, open: number): number | undefined {
  const quote = text[open];
  for (let i = open + 1; i < text.length; i++) {
    if (quote === '"' && text[i] === '\\') i++;
    else if (text[i] === quote) return i;
  }
  return undefined;
}
