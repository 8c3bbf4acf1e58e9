/** An expression of Jinja, as far as it can be said in pitr's own languages. */
export type Jinja =
  | { readonly kind: 'literal'; readonly text: string }
  /** A name and the steps into it: `hostvars[x].role`. */
  | { readonly kind: 'path'; readonly head: string; readonly steps: readonly Jinja[] }
  | { readonly kind: 'list'; readonly items: readonly Jinja[] }
  | { readonly kind: 'filter'; readonly name: string; readonly value: Jinja; readonly args: readonly Jinja[] }
  | { readonly kind: 'test'; readonly name: string; readonly value: Jinja; readonly negated: boolean }
  | { readonly kind: 'not'; readonly value: Jinja }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Jinja; readonly right: Jinja }
  | { readonly kind: 'choice'; readonly test: Jinja; readonly yes: Jinja; readonly no: Jinja };

/** Operators, the loosest first. */
const LEVELS: readonly (readonly string[])[] = [
  ['or', '||'],
  ['and', '&&'],
  ['==', '===', '!=', '<>', '<', '<=', '>', '>=', '=', 'in', 'not in'],
  ['~'],
  ['+', '-'],
  ['*', '/', '%'],
];

const TOKEN =
  /\s*(?:("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(===|==|!=|<>|<=|>=|&&|\|\||[<>=~+*/%|()[\].,!-]))/y;
const WORDS = new Set(['and', 'or', 'not', 'in', 'is', 'if', 'else']);

/** Nobody writes more in one expression, and the parser goes as deep as it is long. */
const MOST_TOKENS = 200;

class NotJinja extends Error {}

/** The expression that a text is; nothing where it is none, or one with parts that are not known here. */
export function parseJinja(text: string): Jinja | undefined {
  try {
    return new Parser(tokensOf(text)).whole();
  } catch (error) {
    if (error instanceof NotJinja) return undefined;
    throw error;
  }
}

interface Token {
  readonly kind: 'string' | 'number' | 'name' | 'sign';
  readonly text: string;
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < end; ) {
    const [, string, number, name, sign] = TOKEN.exec(text) ?? [];
    if (string !== undefined) tokens.push({ kind: 'string', text: string });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (name !== undefined) tokens.push({ kind: WORDS.has(name) ? 'sign' : 'name', text: name });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
    else throw new NotJinja();
    if (tokens.length > MOST_TOKENS) throw new NotJinja();
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Jinja {
    const expression = this.#choice();
    if (this.#at < this.#tokens.length) throw new NotJinja();
    return expression;
  }

  #choice(): Jinja {
    const yes = this.#binary(0);
    if (!this.#take('if')) return yes;
    const test = this.#binary(0);
    this.#need('else');
    return { kind: 'choice', test, yes, no: this.#choice() };
  }

  #binary(level: number): Jinja {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#filters();
    if (level === 2 && (this.#take('not') || this.#take('!'))) return { kind: 'not', value: this.#binary(2) };
    let left = this.#binary(level + 1);
    for (;;) {
      if (level === 2 && this.#take('is')) left = this.#test(left);
      const operator = this.#operator(operators);
      if (operator === undefined) return left;
      left = { kind: 'binary', operator, left, right: this.#binary(level + 1) };
    }
  }

  #operator(operators: readonly string[]): string | undefined {
    const [first, second] = [this.#sign(0), this.#sign(1)];
    if (first === 'not' && second === 'in' && operators.includes('not in')) {
      this.#at += 2;
      return 'not in';
    }
    if (first === undefined || !operators.includes(first)) return undefined;
    this.#at++;
    return first;
  }

  #test(value: Jinja): Jinja {
    const negated = this.#take('not');
    const name = this.#next('name').text;
    if (this.#sign(0) === '(') throw new NotJinja();
    return { kind: 'test', name, value, negated };
  }

  #filters(): Jinja {
    let value = this.#postfix();
    while (this.#take('|')) {
      const name = this.#next('name').text;
      value = { kind: 'filter', name, value, args: this.#take('(') ? this.#listUntil(')') : [] };
    }
    return value;
  }

  #postfix(): Jinja {
    const value = this.#atom();
    if (value.kind !== 'path') return value;
    const steps = [...value.steps];
    for (;;) {
      if (this.#take('.')) {
        const token = this.#tokens[this.#at++];
        if (token?.kind === 'name') steps.push({ kind: 'literal', text: `"${token.text}"` });
        else if (token?.kind === 'number' && /^\d+$/.test(token.text))
          steps.push({ kind: 'literal', text: token.text });
        else throw new NotJinja();
      } else if (this.#take('[')) {
        steps.push(this.#choice());
        this.#need(']');
      } else return { ...value, steps };
    }
  }

  #atom(): Jinja {
    if (this.#take('(')) {
      const inner = this.#choice();
      this.#need(')');
      return inner;
    }
    if (this.#take('[')) return { kind: 'list', items: this.#listUntil(']') };
    if (this.#take('-')) return { kind: 'literal', text: `-${this.#next('number').text}` };
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'string' || token?.kind === 'number') return { kind: 'literal', text: token.text };
    if (token?.kind !== 'name') throw new NotJinja();
    const constant = CONSTANTS.get(token.text);
    return constant === undefined
      ? { kind: 'path', head: token.text, steps: [] }
      : { kind: 'literal', text: constant };
  }

  #listUntil(end: string): readonly Jinja[] {
    const items: Jinja[] = [];
    while (!this.#take(end)) {
      items.push(this.#choice());
      if (this.#sign(0) !== end) this.#need(',');
    }
    return items;
  }

  #sign(ahead: number): string | undefined {
    const token = this.#tokens[this.#at + ahead];
    return token?.kind === 'sign' ? token.text : undefined;
  }

  #take(sign: string): boolean {
    if (this.#sign(0) !== sign) return false;
    this.#at++;
    return true;
  }

  #need(sign: string): void {
    if (!this.#take(sign)) throw new NotJinja();
  }

  #next(kind: Token['kind']): Token {
    const token = this.#tokens[this.#at++];
    if (token?.kind !== kind) throw new NotJinja();
    return token;
  }
}

const CONSTANTS: ReadonlyMap<string, string> = new Map([
  ['true', 'true'],
  ['True', 'true'],
  ['false', 'false'],
  ['False', 'false'],
  ['none', 'null'],
  ['None', 'null'],
  ['null', 'null'],
]);
