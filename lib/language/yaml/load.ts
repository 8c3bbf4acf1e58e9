import { type Document, isNode, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import { positionOf, valueAtPath, YamlValue } from './document.ts';
import type { Located } from './located.ts';
import { losslessTags } from './scalars.ts';
import { explain, type SyntaxMistake, tagMistake, yamlSyntaxError } from './syntax-error.ts';

type Path = readonly (string | number)[];

const PLAIN_TAGS: ReadonlySet<string> = new Set([
  '!',
  ...['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
]);

/**
 * A YAML 1.2 text as plain data that knows its places. `file` is the name shown in messages and the one opened for
 * source frames. An empty text gives `null`. `yes`, `no`, `on`, `off`, dates and numbers that would lose something
 * (`0644`, `15.10`, more than 15 digits) stay text; keys are always text; `<<` merges.
 *
 * A file whose text is the same as last time is not parsed again: the plays of a playbook name the same variables, and
 * the same task files. Nobody changes what it gives.
 *
 * Throws kind `validation`, code `yaml-syntax`, with all mistakes of the file, each with its line shown in `details`.
 */
export function loadYaml(file: string, text: string): Located {
  const before = LOADED.get(file);
  if (before?.text === text) return before.contents;
  const contents = parsed(file, text);
  LOADED.set(file, { text, contents });
  return contents;
}

const LOADED = new Map<string, { readonly text: string; readonly contents: Located }>();

function parsed(file: string, text: string): Located {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    stringKeys: true,
    merge: true,
    prettyErrors: false,
    logLevel: 'error',
    customTags: losslessTags,
  });
  const place = (offset: number): SourcePosition => positionOf({ file, lines }, offset);

  const mistakes = [...document.errors, ...document.warnings].map((error) =>
    explain(error, text, place(error.pos[0])),
  );
  refuse(text, mistakes.length > 0 ? once(mistakes) : structuralMistakes(document, place));

  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // The parser itself has no place for this one: more than 100 uses of anchors inside anchors.
    const reason = error instanceof Error ? error.message : String(error);
    refuse(text, [
      { message: reason, at: place(0), hint: 'Use fewer references (*name) to anchors (&name).' },
    ]);
  }
  const contents: Node | undefined = isNode(document.contents) ? document.contents : undefined;
  return new YamlValue(value, { file, text, document, lines }, contents);
}

/** A part of a located value that still knows its own place; `undefined` at the nearest known place when it is not there. */
export function part(located: Located, path: Path): Located {
  if (located instanceof YamlValue) return located.part(path);
  return {
    value: valueAtPath(located.value, path),
    at: located.locate(path),
    locate: (inner) => located.locate([...path, ...inner]),
    locateKey: (inner) => located.locateKey([...path, ...inner]),
  };
}

/** A value that no YAML file holds (from the command line, from a module's defaults): all its parts are at one place. */
export function located<T>(value: T, at: SourcePosition): Located<T> {
  return { value, at, locate: () => at, locateKey: () => at };
}

/**
 * The text of a scalar as it stands in the file, for params that are text: `True` where the value is true, `~` where
 * it is null. Numbers need no such care: one is a number only when its text survives (`0644`, `15.10` and
 * `000000010000000000000003` are text already). Nothing for maps, lists, and values that no file holds.
 */
export function rawScalar(located: Located, path: Path = []): string | undefined {
  return located instanceof YamlValue ? located.raw(path) : undefined;
}

function refuse(text: string, mistakes: readonly SyntaxMistake[]): void {
  const [first, ...rest] = mistakes;
  if (first !== undefined) throw yamlSyntaxError(text, [first, ...rest]);
}

/** One mistake in the file often gives several errors of the parser; the first of each line is the one to read. */
function once(mistakes: readonly SyntaxMistake[]): SyntaxMistake[] {
  const byLine = new Map<number, SyntaxMistake>();
  for (const mistake of mistakes) {
    if (!byLine.has(mistake.at.line)) byLine.set(mistake.at.line, mistake);
  }
  return [...byLine.values()];
}

/** What parses but is no plain data: tags for dates and bytes, references to what is not there or to themselves. */
function structuralMistakes(document: Document, place: (offset: number) => SourcePosition): SyntaxMistake[] {
  const mistakes: SyntaxMistake[] = [];
  if (document.directives?.yaml.version === '1.1') {
    mistakes.push({
      message: 'YAML 1.1 is asked for',
      at: place(0),
      hint: 'Remove the %YAML line: files are read as YAML 1.2.',
    });
  }
  visit(document, {
    Node(_, node) {
      const { tag, range } = node as { tag?: string; range?: readonly number[] };
      if (tag !== undefined && !PLAIN_TAGS.has(tag)) {
        const short = tag.replace('tag:yaml.org,2002:', '!!');
        mistakes.push({ ...tagMistake(short), at: place(range?.[0] ?? 0) });
      }
    },
    Alias(_, alias, ancestors) {
      const at = place(alias.range?.[0] ?? 0);
      const target = alias.resolve(document);
      if (target === undefined) {
        mistakes.push({
          message: `no anchor &${alias.source} before this reference`,
          at,
          hint: 'Quote the value if text that begins with * was meant.',
        });
      } else if (ancestors.includes(target)) {
        mistakes.push({ message: `*${alias.source} refers to what it stands in`, at });
      }
    },
  });
  return mistakes;
}
