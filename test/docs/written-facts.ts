import type * as ESTree from 'oxc-parser';
import { Visitor } from 'oxc-parser';
import type { Node } from './words-of-code.ts';

/** What an object says, by the names of its properties. */
export type Facts = ReadonlyMap<string, Node>;

export function factsOf(node: ESTree.ObjectExpression): Facts {
  const facts = new Map<string, Node>();
  for (const property of node.properties)
    if (property.type === 'Property' && property.key.type === 'Identifier')
      facts.set(property.key.name, property.value);
  return facts;
}

export interface WrittenText {
  readonly value: string;
  readonly start: number;
  /** The test of the condition under which it is this one, and whether it is true then. */
  readonly when?: { readonly test: Node; readonly is: boolean } | undefined;
}

/** The texts that an expression can be, where the code says them. */
export function textsOf(node: Node | undefined, program: ESTree.Program): readonly WrittenText[] {
  switch (node?.type) {
    case 'Literal':
      return typeof node.value === 'string' ? [{ value: node.value, start: node.start }] : [];
    case 'ConditionalExpression':
      return [true, false].flatMap((is) =>
        textsOf(is ? node.consequent : node.alternate, program).map((text) => ({
          ...text,
          when: { test: node.test, is },
        })),
      );
    case 'LogicalExpression':
      return textsOf(node.right, program);
    case 'MemberExpression':
      return node.computed && node.object.type === 'Identifier' ? tableOf(node.object.name, program) : [];
    default:
      return [];
  }
}

/** The kinds that an expression can be; none where it can be one that the code does not say. */
export function kindsOf(kind: Node, program: ESTree.Program): readonly string[] {
  const parts =
    kind?.type === 'ConditionalExpression'
      ? [kind.consequent, kind.alternate]
      : kind?.type === 'LogicalExpression'
        ? [kind.left, kind.right]
        : undefined;
  const kinds = parts?.map((part) => kindsOf(part, program)) ?? [
    textsOf(kind, program).map(({ value }) => value),
  ];
  return kinds.some((one) => one.length === 0) ? [] : [...new Set(kinds.flat())];
}

/** The texts of a table of the file: `const FAILED = { start: 'service-start-failed' }`. */
function tableOf(name: string, program: ESTree.Program): readonly WrittenText[] {
  const texts: WrittenText[] = [];
  new Visitor({
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== 'Identifier' || id.name !== name || init?.type !== 'ObjectExpression') return;
      for (const value of factsOf(init).values()) texts.push(...textsOf(value, program));
    },
  }).visit(program);
  return texts;
}
