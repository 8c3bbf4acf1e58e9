import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import { Secret } from '../../base/values/secret.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { allowsMissing } from './analyse.ts';
import {
  type BlockStatement,
  type Call,
  type Expression,
  isVariable,
  type Program,
  type Statement,
  simpleName,
} from './ast.ts';
import { type Helper, HelperFailure, isFilled, kindOf, truthy } from './helper.ts';
import { HELPERS } from './helpers.ts';
import { enter, type Frame, Names } from './names.ts';
import { open, seal, TouchedUnknown } from './open.ts';

// Handlebars' own runtime is not used: it prints missing helper arguments as nothing, loses types, calls functions it
// finds in data, and knows neither secrets nor unknown values. The language is the same (a test compares the two).

/** Renders one parsed template with one context. */
export class Renderer {
  readonly #names: Names;
  #secret = false;

  constructor(context: Readonly<Record<string, unknown>>, at: SourcePosition | undefined) {
    this.#names = new Names(context, at);
  }

  /** The value of a single expression, with its type. */
  value(statement: Call): unknown {
    return this.#unknownOr(() => this.#call(statement, this.#names.root, false));
  }

  /** The program as text; a secret when a secret went into it. */
  text(program: Program): string | Secret | Unknown {
    return this.#unknownOr(() => {
      this.#secret = false;
      const text = this.#program(program, this.#names.root);
      return this.#secret ? new Secret(text) : text;
    });
  }

  #unknownOr<T>(work: () => T): T | Unknown {
    try {
      return work();
    } catch (error) {
      if (error instanceof TouchedUnknown) return error.unknown;
      throw error;
    }
  }

  #program(program: Program | undefined, frame: Frame): string {
    let text = '';
    for (const statement of program?.body ?? []) text += this.#statement(statement, frame);
    return text;
  }

  #statement(statement: Statement, frame: Frame): string {
    if (statement.type === 'ContentStatement') return statement.value;
    if (statement.type === 'MustacheStatement')
      return this.#print(this.#call(statement, frame, false), statement);
    return statement.type === 'BlockStatement' ? this.#block(statement, frame) : '';
  }

  #print(value: unknown, statement: Call): string {
    if (typeof value === 'string') return value;
    if (value instanceof Secret) {
      this.#secret = true;
      return value.reveal();
    }
    if (value instanceof Unknown) throw new TouchedUnknown(value);
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
      return String(value);
    const path = statement.path.type === 'PathExpression' ? statement.path.original : 'the expression';
    const called = statement.params.length > 0 || (statement.hash?.pairs.length ?? 0) > 0;
    const subject = called ? `what "${path}" gives` : `"${path}"`;
    const name = called ? `(${path} ...)` : path;
    if (value === null || value === undefined) {
      throw this.#names.error(
        'null-in-text',
        `${subject} is null inside a text`,
        statement.loc,
        `Say what stands for it: {{default ${name} "..."}}`,
      );
    }
    const hint = Array.isArray(value)
      ? `Write {{join ${name} ", "}} or {{json ${name}}}.`
      : `Write {{json ${name}}}, or name one of its parts.`;
    throw this.#names.error(
      'object-in-text',
      `${subject} is ${kindOf(value)} inside a text`,
      statement.loc,
      hint,
    );
  }

  #block(block: BlockStatement, frame: Frame): string {
    const name = simpleName(block.path);
    const [subject] = block.params;
    if (name === 'raw' || subject === undefined) return this.#program(block.program, frame);
    const tests = name === 'if' || name === 'unless';
    const value = this.#expression(subject, frame, tests);
    if (value instanceof Unknown) throw new TouchedUnknown(value);
    if (tests) {
      const includeZero = block.hash?.pairs.some((pair) => pair.key === 'includeZero') === true;
      const holds = (includeZero && value === 0) || this.#holds(value, block);
      return this.#program(holds === (name === 'if') ? block.program : block.inverse, frame);
    }
    return name === 'with' ? this.#with(block, value, frame) : this.#each(block, value, frame);
  }

  #with(block: BlockStatement, value: unknown, frame: Frame): string {
    if (!isFilled(value) && value !== 0) return this.#program(block.inverse, frame);
    return this.#program(block.program, enter(block.program, frame, value, frame.data, [value]));
  }

  #each(block: BlockStatement, value: unknown, frame: Frame): string {
    if (value === null) return this.#program(block.inverse, frame);
    if (typeof value !== 'object' || value instanceof Secret) {
      throw this.#names.error(
        'each-not-a-list',
        `{{#each}} needs a list or a map, not ${kindOf(value instanceof Secret ? '' : value)}`,
        block.loc,
      );
    }
    const items: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
      ? value.map((item, index) => [index, item])
      : Object.entries(value);
    if (items.length === 0) return this.#program(block.inverse, frame);
    let text = '';
    items.forEach(([key, item], index) => {
      const data = { key, index, first: index === 0, last: index === items.length - 1 };
      text += this.#program(block.program, enter(block.program, frame, item, data, [item, key]));
    });
    return text;
  }

  #call(call: Call, frame: Frame, optional: boolean): unknown {
    const name = isVariable(call) ? undefined : simpleName(call.path);
    const helper = name === undefined ? undefined : HELPERS.get(name);
    return helper === undefined
      ? this.#expression(call.path, frame, optional)
      : this.#helper(helper, call, frame, optional);
  }

  #helper(helper: Helper, call: Call, frame: Frame, optional: boolean): unknown {
    if (helper.name === 'lookup') return this.#lookup(call, frame, optional);
    const args: unknown[] = [];
    for (const [index, param] of call.params.entries()) {
      const value = this.#expression(
        param,
        frame,
        allowsMissing(helper.name, index, call.params.length, optional),
      );
      if (this.#isSettled(helper.name, value, call, index)) return value;
      if (helper.name === 'ternary' && index === 0) {
        const chosen = call.params[this.#holds(value, call) ? 1 : 2];
        return chosen === undefined ? undefined : this.#expression(chosen, frame, optional);
      }
      args.push(value);
    }
    const named = Object.fromEntries(
      (call.hash?.pairs ?? []).map((pair) => [pair.key, this.#expression(pair.value, frame, false)]),
    );
    if (helper.opens === 'none') return this.#run(helper, args, named, call, false);
    const opened = args.map((arg) => open(arg, helper.opens === 'shallow' ? 'shallow' : 'deep'));
    const secret = opened.some((arg) => arg.secret);
    const result = this.#run(
      helper,
      opened.map((arg) => arg.value),
      named,
      call,
      secret,
    );
    return secret ? seal(result) : result;
  }

  #run(
    helper: Helper,
    args: readonly unknown[],
    named: Readonly<Record<string, unknown>>,
    call: Call,
    secret: boolean,
  ): unknown {
    try {
      return helper.run(args, named);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // Only a helper's own words are sure to name no value; others may quote what they were given.
      const reason = secret ? 'cannot work with the secret it was given' : error.message;
      throw this.#names.error(
        'template-helper',
        `${helper.name}: ${reason}`,
        call.loc,
        error instanceof HelperFailure ? `Usage: ${helper.usage}` : undefined,
      );
    }
  }

  #lookup(call: Call, frame: Frame, optional: boolean): unknown {
    const [holder, ...keys] = call.params;
    if (holder === undefined) return undefined;
    let value = this.#expression(holder, frame, optional);
    let path = holder.type === 'PathExpression' ? holder.original : 'the map';
    for (const param of keys) {
      const opened = open(this.#expression(param, frame, false), 'shallow').value;
      if (typeof opened !== 'string' && typeof opened !== 'number') {
        throw this.#names.error(
          'template-helper',
          `lookup: the key must be text or a number, not ${kindOf(opened)}`,
          param.loc,
        );
      }
      value = this.#names.step(value, String(opened), { walked: path, loc: param.loc, optional });
      path += `.${opened}`;
    }
    return value;
  }

  /** The value of an expression; `undefined` for what is missing, which only `optional` places allow. */
  #expression(expression: Expression, frame: Frame, optional: boolean): unknown {
    switch (expression.type) {
      case 'PathExpression':
        return this.#names.path(expression, frame, optional);
      case 'SubExpression':
        return this.#call(expression, frame, optional);
      case 'NullLiteral':
        return null;
      case 'UndefinedLiteral':
        return undefined;
      default:
        return expression.value;
    }
  }

  /** Whether a choosing helper has its answer, so that the arguments behind it are not looked at. */
  #isSettled(helper: string, value: unknown, call: Call, index: number): boolean {
    if (helper === 'default') return value !== undefined && value !== null;
    if (index === call.params.length - 1 || (helper !== 'and' && helper !== 'or')) return false;
    return this.#holds(value, call) === (helper === 'or');
  }

  #holds(value: unknown, { loc }: Call): boolean {
    if (value instanceof Unknown) throw new TouchedUnknown(value);
    try {
      return truthy(value instanceof Secret ? value.reveal() : value);
    } catch (error) {
      if (!(error instanceof HelperFailure)) throw error;
      throw this.#names.error('template-helper', error.message, loc);
    }
  }
}
