import type { YAMLError } from 'yaml';
import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import { sourceFrame } from './frame.ts';

/** A mistake in a YAML file, before it is worded: where it stands and what the way out is. */
export interface SyntaxMistake {
  readonly message: string;
  readonly at: SourcePosition;
  readonly hint?: string | undefined;
}

const MAX_FRAMES = 5;

/** All mistakes of a file in one error of kind `validation`, code `yaml-syntax`; the first one gives the message. */
export function yamlSyntaxError(
  text: string,
  mistakes: readonly [SyntaxMistake, ...SyntaxMistake[]],
): PitrError {
  const [first] = mistakes;
  const details: string[] = [...sourceFrame(text, first.at)];
  for (const other of mistakes.slice(1, MAX_FRAMES)) {
    details.push('', `line ${other.at.line}: ${other.message}`, ...sourceFrame(text, other.at));
  }
  if (mistakes.length > MAX_FRAMES) details.push('', `and ${mistakes.length - MAX_FRAMES} more`);
  return new PitrError({
    kind: 'validation',
    code: 'yaml-syntax',
    message: `invalid YAML: ${first.message}`,
    details,
    at: first.at,
    next: [...new Set(mistakes.map((mistake) => mistake.hint).filter((hint) => hint !== undefined))],
  });
}

/**
 * The parser's words turned into the operator's. `text` is the whole file: most frequent mistakes can only be told
 * from the line they stand on.
 */
export function explain(error: YAMLError, text: string, at: SourcePosition): SyntaxMistake {
  const line = text.split('\n')[at.line - 1] ?? '';
  const known = templateMistake(line, text, error, at) ?? codeMistake(error, line);
  return { message: known?.message ?? lowerFirst(error.message), at: known?.at ?? at, hint: known?.hint };
}

interface Explanation {
  readonly message: string;
  readonly hint: string;
  readonly at?: SourcePosition | undefined;
}

// What an unquoted template breaks shows as a key that is a map, or as text after the closing brace.
const UNQUOTED_TEMPLATE = /(?:^|[:,[\s-])\s*(\{\{)/;

function templateMistake(
  line: string,
  text: string,
  error: YAMLError,
  at: SourcePosition,
): Explanation | undefined {
  if (!['NON_STRING_KEY', 'UNEXPECTED_TOKEN', 'BAD_INDENT', 'MISSING_CHAR'].includes(error.code))
    return undefined;
  const match = UNQUOTED_TEMPLATE.exec(line);
  if (match === null || isInsideQuotes(line, line.indexOf('{{', match.index))) {
    if (error.code !== 'NON_STRING_KEY' || text[error.pos[0]] === '{') return undefined;
    return {
      message: 'a key must be plain text',
      hint: 'A key that is a list or a map is not possible here; put quotes around it if text was meant.',
    };
  }
  const column = line.indexOf('{{', match.index) + 1;
  return {
    message: 'a value that begins with {{ must be quoted',
    hint: `Quote the whole value: ${quotedExample(line, column)}`,
    at: { ...at, column },
  };
}

function quotedExample(line: string, column: number): string {
  const value = line.slice(column - 1).trim();
  const key = /([\w.-]+):\s*$/.exec(line.slice(0, column - 1))?.[1];
  const quoted = value.includes('"') ? `'${value.replaceAll("'", "''")}'` : `"${value}"`;
  return key === undefined ? quoted : `${key}: ${quoted}`;
}

function isInsideQuotes(line: string, column: number): boolean {
  const before = line.slice(0, column);
  return (before.split('"').length - 1) % 2 === 1 || (before.split("'").length - 1) % 2 === 1;
}

function codeMistake(error: YAMLError, line: string): Explanation | undefined {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return {
        message: 'a tab is used as indentation',
        hint: 'Indent with spaces; YAML does not allow tabs there.',
      };
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return (line.match(/:(?:\s|$)/g) ?? []).length > 1
        ? {
            message: 'two "key: value" on one line',
            hint: 'If the value itself holds a colon and a space, quote the whole value.',
          }
        : {
            message: 'a key stands deeper than the value before it',
            hint: 'Keys of one map start in the same column; a key with a value of its own cannot hold more keys.',
          };
    case 'DUPLICATE_KEY':
      return {
        message: `the key ${JSON.stringify(/^[\s-]*([^:]+):/.exec(line)?.[1]?.trim() ?? '')} is given twice in one map`,
        hint: 'Remove one of the two, or make a list of them.',
      };
    case 'MULTIPLE_DOCS':
      return {
        message: 'the file holds several documents',
        hint: 'Remove the line "---" in the middle: one file is one document.',
      };
    case 'TAG_RESOLVE_FAILED':
      return tagMistake(error.message);
    case 'BAD_SCALAR_START':
      return {
        message: `a value cannot begin with ${/ ([@`%]|directive indicator character %)/.exec(error.message)?.[1]?.at(-1) ?? 'this character'}`,
        hint: 'Quote the value.',
      };
    case 'BAD_DQ_ESCAPE':
      return {
        message: lowerFirst(error.message),
        hint: 'Between double quotes a backslash begins an escape: write \\\\, or use single quotes.',
      };
    case 'BAD_ALIAS':
      return {
        message: 'a value that begins with * is a reference to an anchor',
        hint: 'Quote the value if text was meant.',
      };
    case 'MISSING_CHAR':
      return missingChar(error.message);
    case 'UNEXPECTED_TOKEN':
      if (error.message.includes('block-seq-ind')) {
        return {
          message: 'a list begins on the line of its key',
          hint: 'Put "- item" on a line of its own; quote a value that is a dash.',
        };
      }
      return /^\s*(?:- )?[^:]+:\s+(?:"[^"]*"|'[^']*')\s*\S/.test(line)
        ? {
            message: 'text after the closing quote',
            hint: `Quote the whole value; a single quote inside single quotes is written twice ('').`,
          }
        : undefined;
    case 'RESOURCE_EXHAUSTION':
      return { message: 'nested too deeply', hint: 'Nothing that a person writes is nested this deeply.' };
    default:
      return undefined;
  }
}

function missingChar(message: string): Explanation | undefined {
  if (/closing .quote/.test(message)) {
    return {
      message: 'a quote is never closed',
      hint: 'Add the closing quote, or escape the quote that is text.',
    };
  }
  if (/map keys need to be followed by map values/.test(message)) {
    return {
      message: 'a line without a colon among "key: value" lines',
      hint: 'Write "key: value" (with a space after the colon).',
    };
  }
  return undefined;
}

/** The mistake of a tag that is no plain data. */
export function tagMistake(tagOrMessage: string): Explanation {
  const tag = /(!\S*)$/.exec(tagOrMessage)?.[1] ?? tagOrMessage;
  const hints: Readonly<Record<string, string>> = {
    '!vault':
      'Vault-encrypted values cannot be read: keep the secret in a file of its own and pass it with -e @file.',
    '!unsafe':
      'Nothing that comes from data is rendered, so the tag is not needed; write a literal {{ as \\{{.',
  };
  return {
    message: `unknown tag ${tag}`,
    hint: hints[tag] ?? 'Remove the tag; put quotes around the value if it must stay text.',
  };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
