import type * as ESTree from 'oxc-parser';

export type Node =
  | ESTree.Expression
  | ESTree.Argument
  | ESTree.ArrayExpressionElement
  | ESTree.PrivateInExpression['left']
  | ESTree.BindingPattern
  | ESTree.AssignmentTargetMaybeDefault;

/** Of what a condition chooses between, the one that goes with a test that is true or false. */
export function asWhen(
  node: Node | undefined,
  when: { readonly test: Node; readonly is: boolean } | undefined,
  text: string,
): Node | undefined {
  if (when === undefined || node?.type !== 'ConditionalExpression') return node;
  const same = [node.test, when.test].map((test) => (test === null ? '' : text.slice(test.start, test.end)));
  if (same[0] !== same[1]) return node;
  return when.is ? node.consequent : node.alternate;
}

/** What a name stands for, or what a function gives: the expressions that it can be; none where nobody knows. */
export type Meaning = (node: Node) => readonly Node[];

const UNKNOWN: Meaning = () => [];

/**
 * What a reader sees of an expression that makes texts, one text each, with `{names}` for what only the run knows.
 * Nothing where the code alone cannot tell.
 */
export function wordsOf(node: Node | undefined, meaning = UNKNOWN): readonly string[] {
  switch (node?.type) {
    case 'ArrayExpression':
      return node.elements.flatMap((element) => wordsOf(element, meaning));
    case 'SpreadElement':
      return wordsOf(node.argument, meaning);
    case 'ConditionalExpression':
      return [...wordsOf(node.consequent, meaning), ...wordsOf(node.alternate, meaning)];
    case 'LogicalExpression':
      return [
        ...(node.operator === '??' ? wordsOf(node.left, meaning) : []),
        ...wordsOf(node.right, meaning),
      ];
    case 'Identifier':
      return meaning(node).flatMap((value) => wordsOf(value, meaning));
    case 'CallExpression': {
      if (isCommandLine(node)) return [textWithNames(node)];
      const each = node.arguments[0];
      const makesEach =
        node.callee.type === 'MemberExpression' &&
        node.callee.property.type === 'Identifier' &&
        ['map', 'flatMap'].includes(node.callee.property.name);
      return (makesEach ? givenBy(each) : meaning(node)).flatMap((value) => wordsOf(value, meaning));
    }
    case 'Literal':
    case 'TemplateLiteral':
    case 'BinaryExpression': {
      const text = textWithNames(node).replace(/\s+/g, ' ').trim();
      return text === '' ? [] : [text];
    }
    default:
      return [];
  }
}

type Hole = (node: Node) => string;

/** Two different things of a text that would have one name have their longer ones. */
function textWithNames(node: Node): string {
  const longNames = new Map<string, Set<string>>();
  textOf(node, (one) => {
    const name = hole(one);
    longNames.set(name, (longNames.get(name) ?? new Set()).add(longNameOf(one)));
    return name;
  });
  return textOf(node, (one) => {
    const name = hole(one);
    return name !== '' && (longNames.get(name)?.size ?? 0) > 1 ? `{${spaced(longNameOf(one))}}` : name;
  });
}

/** With whose it is, where that is written. */
function longNameOf(node: Node): string {
  switch (node?.type) {
    case 'MemberExpression':
      return node.property.type === 'Identifier' && !node.computed
        ? `${nameOf(node.object)} ${node.property.name}`
        : nameOf(node);
    case 'CallExpression': {
      const [first] = node.arguments;
      return first === undefined || nameOf(node) !== nameOf(first) ? nameOf(node) : longNameOf(first);
    }
    default:
      return nameOf(node);
  }
}

function textOf(node: Node, hole: Hole): string {
  switch (node?.type) {
    case 'Literal':
      return String(node.value);
    case 'TemplateLiteral':
      return node.quasis
        .map(({ value }, index) => {
          const inner = node.expressions[index];
          return `${value.cooked ?? ''}${inner === undefined ? '' : textOf(inner, hole)}`;
        })
        .join('');
    case 'BinaryExpression':
      return node.operator === '+' ? textOf(node.left, hole) + textOf(node.right, hole) : hole(node);
    case 'ConditionalExpression': {
      const texts = [node.consequent, node.alternate]
        .map((one) => textOf(one, hole))
        .filter((text) => text.trim() !== '');
      const [one = '', other] = texts;
      // What helps is added to a sentence.
      if (one.includes('did you mean')) return '';
      // Two names for one thing, such as the message of an error and the error: the first will do.
      const named = texts.every((text) => /^\{[^{}]*\}$/.test(text));
      return other === undefined || other === one || named ? one : `(${one.trim()} | ${other.trim()})`;
    }
    case 'LogicalExpression':
      return textOf(node.left, hole);
    case 'SpreadElement':
      return hole(node.argument);
    case 'CallExpression': {
      const words = node.arguments[0];
      if (isCommandLine(node) && words?.type === 'ArrayExpression')
        return words.elements.map((word) => textOf(word, hole)).join(' ');
      if (isQuoted(node) && words !== undefined) return textOf(words, hole);
      if (isIncludedAgain(node)) return ' -e inclusive=true';
      return hole(node);
    }
    default:
      return hole(node);
  }
}

function isCommandLine({ callee, arguments: [words] }: ESTree.CallExpression): boolean {
  return callee.type === 'Identifier' && callee.name === 'commandLine' && words?.type === 'ArrayExpression';
}

/** A word of a command, as it is typed. */
function isQuoted({ callee }: ESTree.CallExpression): boolean {
  return callee.type === 'Identifier' && callee.name === 'quote';
}

/** What takes `inclusive=false` back, where that was said. */
function isIncludedAgain({ callee }: ESTree.CallExpression): boolean {
  return callee.type === 'Identifier' && callee.name === 'includedAgain';
}

/** The expressions that a function gives. */
export function givenBy(made: ESTree.Function | Node | undefined): readonly Node[] {
  if (made?.type === 'ArrowFunctionExpression' && made.body.type !== 'BlockStatement') return [made.body];
  const isFunction =
    made?.type === 'ArrowFunctionExpression' ||
    made?.type === 'FunctionExpression' ||
    made?.type === 'FunctionDeclaration';
  if (!isFunction || made.body?.type !== 'BlockStatement') return [];
  return made.body.body.flatMap(returnedBy);
}

function returnedBy(statement: ESTree.Statement): readonly Node[] {
  switch (statement.type) {
    case 'ReturnStatement':
      return statement.argument === null ? [] : [statement.argument];
    case 'IfStatement':
      return [statement.consequent, statement.alternate].flatMap((one) =>
        one === null ? [] : returnedBy(one),
      );
    case 'BlockStatement':
      return statement.body.flatMap(returnedBy);
    case 'SwitchStatement':
      return statement.cases.flatMap(({ consequent }) => consequent.flatMap(returnedBy));
    default:
      return [];
  }
}

/** What only the run knows, by the name that the code has for it. */
function hole(node: Node): string {
  const name = nameOf(node);
  return ['didYouMean', 'hint'].includes(name) ? '' : `{${spaced(name)}}`;
}

function spaced(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}

/** Properties that say less than what they are of. */
const VAGUE: ReadonlySet<string> = new Set(['length', 'name', 'value', 'path', 'size', 'text', 'id']);
/** Functions that only put a text into form. */
const FORMS: ReadonlySet<string> = new Set([
  'String',
  'Math',
  'JSON',
  'Number',
  'Boolean',
  'commandLine',
  'asNamed',
]);

/** The name that says best what a hole of a text holds. */
function nameOf(node: Node): string {
  switch (node?.type) {
    case 'Identifier':
      return node.name;
    case 'MemberExpression': {
      if (node.property.type !== 'Identifier' || node.computed) return nameOf(node.object);
      return VAGUE.has(node.property.name) ? nameOf(node.object) : node.property.name;
    }
    case 'ChainExpression':
      return nameOf(node.expression);
    case 'BinaryExpression':
      return nameOf(node.left);
    case 'CallExpression':
      return nameOfCall(node);
    case 'AwaitExpression':
    case 'SpreadElement':
      return nameOf(node.argument);
    case 'ArrayExpression':
      return nameOf(node.elements[0] ?? null);
    case 'UnaryExpression':
      return node.operator === 'typeof' ? `type of ${nameOf(node.argument)}` : nameOf(node.argument);
    default:
      return '...';
  }
}

function nameOfCall({ callee, arguments: [first] }: ESTree.CallExpression): string {
  if (callee.type === 'Identifier' && callee.name === 'didYouMean') return callee.name;
  const isForm =
    callee.type === 'Identifier'
      ? FORMS.has(callee.name)
      : callee.type === 'MemberExpression' &&
        callee.object.type === 'Identifier' &&
        FORMS.has(callee.object.name);
  if (callee.type === 'MemberExpression' && !isForm) return nameOf(callee.object);
  // Its name is the phrase that it gives: howItEnded.
  if (callee.type === 'Identifier' && /^(how|why)[A-Z]/.test(callee.name)) return callee.name;
  const named = first === undefined ? '...' : nameOf(first);
  return named === '...' ? nameOf(callee) : named;
}
