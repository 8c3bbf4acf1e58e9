import type { ASTNode } from './cel.ts';
import { TYPE_NAMES } from './reserved.ts';

/** One part of a path; a reference where the key itself is read from a variable (`hostvars[target]`). */
type PathPart = string | Reference;

/** A variable as an expression reads it. */
export interface Reference {
  readonly head: string;
  readonly steps: readonly PathPart[];
  /** Offsets of the whole path in the text. */
  readonly start: number;
  readonly end: number;
  /** May be missing: inside `has()` or behind `.?`. */
  readonly optional: boolean;
  /** The value at the end is used as a whole; otherwise something is picked out of it that cannot be foreseen. */
  readonly whole: boolean;
  /** `has(name)` on the variable itself, which the standard knows for parts only. */
  readonly existence: boolean;
  /** Guarded by a `has()` of the same variable to the left. */
  readonly guarded: boolean;
}

const MACROS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);

interface Around {
  readonly bound: ReadonlySet<string>;
  readonly guards: readonly string[];
}

const NOTHING_BOUND: Around = { bound: new Set(), guards: [] };

/** All variables that an expression reads, left to right; not what its macros bind. */
export function referencesOf(ast: ASTNode): readonly Reference[] {
  const found: Reference[] = [];
  visit(ast, NOTHING_BOUND, found);
  return found;
}

function visit(node: ASTNode, around: Around, into: Reference[]): void {
  switch (node.op) {
    case 'value':
      return;
    case 'id':
    case '.':
    case '.?':
    case '[]':
    case '[?]':
      visitPath(node, around, into);
      return;
    case 'call':
      visitFunction(node, around, into);
      return;
    case 'rcall':
      visitMethod(node, around, into);
      return;
    case '&&':
      visit(node.args[0], around, into);
      visit(node.args[1], { ...around, guards: [...around.guards, ...guardsOf(node.args[0])] }, into);
      return;
    case '||':
      visit(node.args[0], around, into);
      visit(node.args[1], { ...around, guards: [...around.guards, ...absenceGuardsOf(node.args[0])] }, into);
      return;
    case '?:':
      visit(node.args[0], around, into);
      visit(node.args[1], { ...around, guards: [...around.guards, ...guardsOf(node.args[0])] }, into);
      visit(node.args[2], { ...around, guards: [...around.guards, ...absenceGuardsOf(node.args[0])] }, into);
      return;
    case '!_':
    case '-_':
      visit(node.args, around, into);
      return;
    case 'map':
      for (const entry of node.args) for (const part of entry) visit(part, around, into);
      return;
    default:
      for (const part of node.args) visit(part, around, into);
  }
}

function visitFunction(node: Extract<ASTNode, { op: 'call' }>, around: Around, into: Reference[]): void {
  const [name, args] = node.args;
  if (name !== 'has') {
    for (const arg of args) visit(arg, around, into);
    return;
  }
  for (const arg of args) {
    const reference = pathOf(arg, around);
    if (reference === undefined) visit(arg, around, into);
    else pushAll({ ...reference, optional: true, whole: false, existence: arg.op === 'id' }, into);
  }
}

function visitMethod(node: Extract<ASTNode, { op: 'rcall' }>, around: Around, into: Reference[]): void {
  const [name, receiver, args] = node.args;
  const [first, ...rest] = args;
  if (first?.op === 'id' && (MACROS.has(name) || (name === 'bind' && receiver.op === 'id'))) {
    visit(receiver, around, into);
    const inside = { ...around, bound: new Set([...around.bound, first.args]) };
    for (const [index, arg] of rest.entries())
      visit(arg, name === 'bind' && index === 0 ? around : inside, into);
    return;
  }
  visit(receiver, around, into);
  for (const arg of args) visit(arg, around, into);
}

function visitPath(node: ASTNode, around: Around, into: Reference[]): void {
  const reference = pathOf(node, around);
  if (reference !== undefined) {
    pushAll(reference, into);
  } else if (node.op === '[]' || node.op === '[?]') {
    // The key is computed, so what is picked cannot be foreseen.
    const holder = pathOf(node.args[0], around);
    if (holder === undefined) visit(node.args[0], around, into);
    else pushAll({ ...holder, whole: false }, into);
    visit(node.args[1], around, into);
  } else if (node.op === '.' || node.op === '.?') {
    visit(node.args[0], around, into);
  }
}

/** A reference and those that its keys are read from. */
function pushAll(reference: Reference, into: Reference[]): void {
  into.push(reference);
  for (const step of reference.steps) if (typeof step !== 'string') pushAll(step, into);
}

/** A path of names, literal keys and keys that are themselves such paths; nothing for any other expression. */
export function pathOf(node: ASTNode, around: Around = NOTHING_BOUND): Reference | undefined {
  if (node.op === 'id') {
    if (around.bound.has(node.args) || TYPE_NAMES.has(node.args)) return undefined;
    const guarded = around.guards.includes(node.args);
    return {
      head: node.args,
      steps: [],
      start: node.start,
      end: node.end,
      optional: false,
      whole: true,
      existence: false,
      guarded,
    };
  }
  if (node.op === '.' || node.op === '.?') {
    const holder = pathOf(node.args[0], around);
    if (holder === undefined) return undefined;
    return extend(holder, node, node.args[1], node.op === '.?');
  }
  if (node.op === '[]' || node.op === '[?]') {
    const holder = pathOf(node.args[0], around);
    const key = keyOf(node.args[1], around);
    return holder === undefined || key === undefined
      ? undefined
      : extend(holder, node, key, node.op === '[?]');
  }
  return undefined;
}

function extend(holder: Reference, node: ASTNode, step: PathPart, optional: boolean): Reference {
  return { ...holder, steps: [...holder.steps, step], end: node.end, optional: holder.optional || optional };
}

function keyOf(node: ASTNode, around: Around): PathPart | undefined {
  if (node.op === 'value')
    return ['string', 'number', 'bigint'].includes(typeof node.args) ? String(node.args) : undefined;
  return pathOf(node, around);
}

/** Variables that are certainly there when a test holds: `has(x) && x.y == 1`. */
function guardsOf(node: ASTNode): readonly string[] {
  if (node.op === '&&') return node.args.flatMap((part) => guardsOf(part));
  if (node.op === 'call' && node.args[0] === 'has')
    return node.args[1].map(headOf).filter((head) => head !== undefined);
  return [];
}

/** Variables that are certainly there when a test does not hold: `!has(x) || x.y == 1`. */
function absenceGuardsOf(node: ASTNode): readonly string[] {
  if (node.op === '||') return node.args.flatMap((part) => absenceGuardsOf(part));
  return node.op === '!_' ? guardsOf(node.args) : [];
}

function headOf(node: ASTNode): string | undefined {
  if (node.op === 'id') return node.args;
  return node.op === '.' ? headOf(node.args[0]) : undefined;
}
