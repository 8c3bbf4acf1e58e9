/** Types and namespaces of the expression language: as a variable they would silently mean the type. */
export const TYPE_NAMES: ReadonlySet<string> = new Set([
  ...['bool', 'bytes', 'double', 'dyn', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint'],
  ...['cel', 'google', 'optional', 'optional_type'],
]);

/** Names that mean something else inside an expression or a template: no variable and no `register` may have them. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  ...TYPE_NAMES,
  ...['true', 'false', 'null', 'in', '_'],
  // Words that the language keeps for itself.
  ...[
    'as',
    'break',
    'const',
    'continue',
    'else',
    'for',
    'function',
    'if',
    'import',
    'let',
    'loop',
    'namespace',
  ],
  ...['package', 'prototype', 'return', 'var', 'void', 'while', '__proto__'],
  // Words of templates.
  ...['this', 'undefined'],
]);
