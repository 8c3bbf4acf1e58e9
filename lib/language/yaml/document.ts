import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  type Scalar,
} from 'yaml';
import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import type { Located } from './located.ts';

type Path = readonly (string | number)[];

/** A parsed YAML file, as the parts of its value look themselves up in it. */
export interface YamlSource {
  readonly file: string;
  readonly text: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

/** What a path leads to: the deepest node that exists, its key where it has one, and whether all of the path exists. */
interface Found {
  readonly node: Node | undefined;
  readonly key: Node | undefined;
  readonly complete: boolean;
}

/** A value of a YAML file with its node; places inside it are computed when somebody asks. */
export class YamlValue<T = unknown> implements Located<T> {
  readonly value: T;
  readonly at: SourcePosition;
  readonly #source: YamlSource;
  readonly #node: Node | undefined;
  readonly #fallback: Node | undefined;

  constructor(value: T, source: YamlSource, node: Node | undefined, fallback?: Node) {
    this.value = value;
    this.#source = source;
    this.#node = node;
    this.#fallback = fallback;
    this.at = place(source, node ?? fallback);
  }

  // All members are own properties: a `Located` is spread, and its `locate` is handed on without it.
  readonly locate = (path: Path): SourcePosition => {
    if (path.length === 0) return this.at;
    const found = this.#find(path);
    return place(this.#source, found.node ?? found.key ?? this.#fallback);
  };

  readonly locateKey = (path: Path): SourcePosition => {
    const { key, node, complete } = this.#find(path);
    if (complete && key !== undefined) return positionOf(this.#source, key.range?.[0] ?? 0);
    return place(this.#source, node ?? key ?? this.#fallback);
  };

  part(path: Path): Located {
    const found = this.#find(path);
    const fallback = found.node ?? found.key ?? this.#node ?? this.#fallback;
    return new YamlValue(
      valueAtPath(this.value, path),
      this.#source,
      found.complete ? found.node : undefined,
      fallback,
    );
  }

  raw(path: Path): string | undefined {
    const { node, complete } = this.#find(path);
    if (!complete || !isScalar(node)) return undefined;
    return typeof node.value === 'string' ? node.value : node.source;
  }

  #find(path: Path): Found {
    let node = resolve(this.#source, this.#node);
    let key: Node | undefined;
    for (const step of path) {
      const next = stepInto(this.#source, node, step);
      if (next === undefined) return { node, key, complete: false };
      node = resolve(this.#source, next.node);
      key = next.key;
    }
    return { node, key, complete: true };
  }
}

/** The value at a path of plain data, own properties only. */
export function valueAtPath(value: unknown, path: Path): unknown {
  let here = value;
  for (const step of path) {
    if (here === null || typeof here !== 'object' || !Object.hasOwn(here, step)) return undefined;
    here = Reflect.get(here, step);
  }
  return here;
}

function resolve(source: YamlSource, node: Node | undefined): Node | undefined {
  return isAlias(node) ? node.resolve(source.document) : node;
}

function stepInto(
  source: YamlSource,
  node: Node | undefined,
  step: string | number,
): { node: Node | undefined; key: Node | undefined } | undefined {
  if (isSeq<Node>(node)) {
    const item = node.items[Number(step)];
    return item === undefined ? undefined : { node: item, key: undefined };
  }
  if (!isMap<Node, Node | null>(node)) return undefined;
  const own = node.items.find((pair) => keyText(pair) === String(step));
  if (own !== undefined) return { node: own.value ?? undefined, key: own.key };
  for (const pair of node.items) {
    if (keyText(pair) !== '<<') continue;
    const merged = resolve(source, pair.value ?? undefined);
    for (const candidate of isSeq<Node>(merged) ? merged.items : [merged]) {
      const found = stepInto(source, resolve(source, candidate), step);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function keyText(pair: Pair<Node, Node | null>): string | undefined {
  return isScalar(pair.key) ? String(pair.key.value) : undefined;
}

/** Where a node stands; for text, where the text itself begins: behind a quote, below the `|` of a block. */
function place(source: YamlSource, node: Node | undefined): SourcePosition {
  const start = node?.range?.[0] ?? 0;
  const at = positionOf(source, start);
  if (!isScalar(node) || typeof node.value !== 'string') return at;
  if (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') return { ...at, column: at.column + 1 };
  if (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED')
    return blockTextStart(source, node, node.value, at);
  return at;
}

function blockTextStart(source: YamlSource, node: Scalar, value: string, at: SourcePosition): SourcePosition {
  const [start, end] = node.range ?? [0, 0];
  const lines = source.text.slice(start, end).split('\n');
  const first = lines.findIndex((line, index) => index > 0 && line.trim() !== '');
  if (first === -1) return at;
  const inValue = value.split('\n').find((line) => line.trim() !== '') ?? '';
  const indent = leadingSpaces(lines[first] ?? '') - leadingSpaces(inValue);
  return { file: at.file, line: at.line + 1, column: indent + 1 };
}

function leadingSpaces(line: string): number {
  return line.length - line.trimStart().length;
}

/** The 1-based place of an offset in a YAML file. */
export function positionOf(source: Pick<YamlSource, 'file' | 'lines'>, offset: number): SourcePosition {
  const { line, col } = source.lines.linePos(offset);
  return { file: source.file, line: Math.max(1, line), column: Math.max(1, col) };
}
