/** One `name=value` of a text. */
export interface Assignment {
  readonly name: string;
  readonly value: string;
  /** It stood in quotes, which are taken off. */
  readonly quoted: boolean;
}

const NEXT = /\s+[A-Za-z_][A-Za-z0-9_]*=/y;

/**
 * The assignments of a text: `a=1 b=2` are two, as `a=12:30 +01` is one: a value goes on to the next blank that a `name=`
 * follows. A value between quotes (`a="x b=2"`) may hold anything. Nothing where the text is no assignment.
 */
export function splitAssignments(text: string): readonly Assignment[] | undefined {
  const found: Assignment[] = [];
  let rest = text;
  for (;;) {
    const equals = rest.indexOf('=');
    if (equals === -1) return undefined;
    const name = rest.slice(0, equals);
    const { value, quoted, length } = valueAt(rest.slice(equals + 1));
    found.push({ name, value, quoted });
    rest = rest.slice(equals + 1 + length).trimStart();
    if (rest === '') return found;
  }
}

/** The value that a text begins with, and how much of the text it takes. */
function valueAt(text: string): {
  readonly value: string;
  readonly quoted: boolean;
  readonly length: number;
} {
  const quote = text[0];
  if (quote === '"' || quote === "'") {
    for (let end = text.indexOf(quote, 1); end !== -1; end = text.indexOf(quote, end + 1)) {
      const length = end + 1;
      if (length === text.length || nextAt(text, length))
        return { value: text.slice(1, end), quoted: true, length };
    }
  }
  for (let length = 0; length < text.length; length++)
    if (nextAt(text, length)) return { value: text.slice(0, length), quoted: false, length };
  return { value: text, quoted: false, length: text.length };
}

function nextAt(text: string, index: number): boolean {
  NEXT.lastIndex = index;
  return NEXT.test(text);
}
