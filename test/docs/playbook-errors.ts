import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkoutRoot } from '../../lab/checkout.ts';
import { loadYaml } from '../../lib/language/yaml/load.ts';
import type { Located } from '../../lib/language/yaml/located.ts';
import type { ErrorSite } from './error-codes.ts';

type Mapping = Readonly<Record<string, unknown>>;

/** Every code that pitr's own playbooks refuse or fail with. */
export function errorsOfPlaybooks(): readonly ErrorSite[] {
  const pages = readdirSync(path.join(checkoutRoot, 'playbooks'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .map((name) => path.join('playbooks', name))
    .map((file) => ({ file, contents: loadYaml(file, readFileSync(path.join(checkoutRoot, file), 'utf8')) }));
  const handed = pages.flatMap(({ file, contents }) => handedOver(file, contents.value));
  return pages
    .flatMap(({ file, contents }) => errorsIn(file, contents.value, [], contents))
    .map((site) => ({ ...site, next: site.next.flatMap((text) => withTexts(text, site.file, handed)) }));
}

/** What a file of tasks is given by those that import it. */
interface Handed {
  readonly to: string;
  readonly vars: Mapping;
}

function handedOver(file: string, value: unknown): readonly Handed[] {
  if (Array.isArray(value)) return value.flatMap((item) => handedOver(file, item));
  if (!isMapping(value)) return [];
  const { import_tasks: imported, vars } = value;
  const own =
    typeof imported === 'string' && isMapping(vars)
      ? [{ to: path.join(path.dirname(file), imported), vars }]
      : [];
  return [...own, ...Object.values(value).flatMap((part) => handedOver(file, part))];
}

/** A next step that the importers of a file write, as they write it. */
function withTexts(text: string, file: string, handed: readonly Handed[]): readonly string[] {
  const name = /^\{(\w+)\}$/.exec(text)?.[1];
  const given = handed.filter(({ to }) => to === file).flatMap(({ vars }) => texts(vars[name ?? '']));
  return given.length === 0 ? [text] : given;
}

function errorsIn(
  file: string,
  value: unknown,
  at: readonly (string | number)[],
  contents: Located,
): readonly ErrorSite[] {
  if (Array.isArray(value))
    return value.flatMap((item, index) => errorsIn(file, item, [...at, index], contents));
  if (!isMapping(value)) return [];
  const own = errorOf(value, file, contents.locate(at)?.line ?? 1);
  const inside = Object.entries(value).flatMap(([key, part]) => errorsIn(file, part, [...at, key], contents));
  return own === undefined ? inside : [own, ...inside];
}

function errorOf(task: Mapping, file: string, line: number): ErrorSite | undefined {
  const [assert, fail] = [task['core.assert'], task['core.fail']];
  const args = isMapping(assert) ? assert : isMapping(fail) ? fail : {};
  const code = isMapping(assert) ? args.refuse : args.code;
  if (typeof code !== 'string') return undefined;
  return {
    code,
    file,
    line,
    kinds: [isMapping(fail) && args.refuse !== true ? 'failed' : 'refused'],
    meaning: undefined,
    messages: texts(args.fail_msg ?? args.msg).slice(0, 1),
    states: [],
    hasNext: texts(args.next).length > 0,
    next: texts(args.next),
  };
}

function texts(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : [value])
    .filter((text) => typeof text === 'string')
    .map((text) => withHoles(text).replace(/\s+/g, ' ').trim());
}

/** Templates as `{names}` of what they put there. */
function withHoles(text: string): string {
  return text
    .replace(/\{\{\s*(?:inventory|back|limit)_options\s*\}\}/g, '')
    .replace(/\{\{ ternary check_mode '' back_options \}\}/g, '')
    .replace(/\{\{[#/].*?\}\}/g, '')
    .replace(/\{\{\s*else\s*\}\}/g, ' / ')
    .replace(/\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => {
      const words = expression.replace(/["'].*?["']/g, '').match(/[a-z_][\w.]*/gi) ?? [];
      const said = words.length > 1 ? words[1] : words[0];
      return `{${(said ?? '...').split('.').at(-1)?.replaceAll('_', ' ')}}`;
    });
}

function isMapping(value: unknown): value is Mapping {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
