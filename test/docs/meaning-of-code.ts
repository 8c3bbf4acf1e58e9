import path from 'node:path';
import type * as ESTree from 'oxc-parser';
import { Visitor } from 'oxc-parser';
import type { Source } from './sources.ts';
import { givenBy, type Meaning, type Node } from './words-of-code.ts';

/** What names and calls mean in a file: its own and those that it imports from others. */
export function meaningIn(source: Source, sources: readonly Source[]): Meaning {
  const followed = new Set<Node>();
  const meaning: Meaning = (node) => {
    // A function may call itself.
    if (node === null || followed.has(node)) return [];
    followed.add(node);
    try {
      return expand(node, source, sources);
    } finally {
      followed.delete(node);
    }
  };
  return meaning;
}

function expand(node: Node, source: Source, sources: readonly Source[]): readonly Node[] {
  if (node?.type === 'Identifier') {
    const value = constantOf(node, source);
    return value === undefined || value === node ? [] : [value];
  }
  if (node?.type !== 'CallExpression' || node.callee.type !== 'Identifier') return [];
  const { name } = node.callee;
  const other = sources.find(({ file }) => file === importedFrom(source, name));
  return [source, ...(other === undefined ? [] : [other])].flatMap((place) =>
    givenBy(functionOf(place, name)),
  );
}

function functionOf({ program }: Source, name: string): ESTree.Function | Node | undefined {
  for (const statement of program.body) {
    const declared =
      statement.type === 'ExportNamedDeclaration' && statement.declaration !== null
        ? statement.declaration
        : statement;
    if (declared.type === 'FunctionDeclaration' && declared.id?.name === name) return declared;
    if (declared.type !== 'VariableDeclaration') continue;
    const one = declared.declarations.find(({ id }) => id.type === 'Identifier' && id.name === name);
    if (one !== undefined) return one.init ?? undefined;
  }
  return undefined;
}

/** The file, from the root of the checkout, that a name is imported from. */
function importedFrom({ file, program }: Source, name: string): string | undefined {
  const statement = program.body.find(
    (one): one is ESTree.ImportDeclaration =>
      one.type === 'ImportDeclaration' && one.specifiers.some(({ local }) => local.name === name),
  );
  return statement?.source.value.startsWith('.')
    ? path.join(path.dirname(file), statement.source.value)
    : undefined;
}

/** The value of a name that stands for one that its function, one around it or the file has written before. */
export function constantOf(node: Node | undefined, { program }: Source): Node | undefined {
  if (node?.type !== 'Identifier') return node;
  const scopes: Scope[] = [];
  const values: ESTree.VariableDeclarator[] = [];
  const enter = (made: ESTree.Function | ESTree.ArrowFunctionExpression): void => {
    if (made.start <= node.start && node.end <= made.end) scopes.push(made);
  };
  new Visitor({
    FunctionDeclaration: enter,
    FunctionExpression: enter,
    ArrowFunctionExpression: enter,
    VariableDeclarator: (declarator) => {
      const { id, init } = declarator;
      if (id.type === 'Identifier' && id.name === node.name && init !== null) values.push(declarator);
    },
  }).visit(program);
  // From the innermost function to the file itself: a param of that name stands for nothing that is written here.
  for (const scope of [...scopes.toReversed(), program]) {
    const own = values.findLast(
      ({ start, end }) =>
        scope.start <= start && end <= scope.end && start < node.start && isOf(start, scope),
    );
    const value = own?.init ?? undefined;
    if (value !== undefined) return value.type === 'TSAsExpression' ? value.expression : value;
    if ('params' in scope && scope.params.map(nameOfParam).includes(node.name)) return node;
  }
  return node;

  /** Whether no function inside of the scope, which the name is not in, holds the place. */
  function isOf(place: number, scope: Scope): boolean {
    let inner = false;
    const look = (made: ESTree.Function | ESTree.ArrowFunctionExpression): void => {
      const isInside = scope.start <= made.start && made.end <= scope.end && made !== scope;
      if (isInside && made.start <= place && place <= made.end) inner = true;
    };
    new Visitor({ FunctionDeclaration: look, FunctionExpression: look, ArrowFunctionExpression: look }).visit(
      program,
    );
    return !inner;
  }
}

type Scope = ESTree.Function | ESTree.ArrowFunctionExpression | ESTree.Program;

export function nameOfParam(param: ESTree.ParamPattern): string {
  const named = param.type === 'AssignmentPattern' ? param.left : param;
  return named.type === 'Identifier' ? named.name : '';
}
