import { asNamed } from '../base/errors/as-named.ts';
import type { AnyModule } from '../contract/module.ts';
import { fileOf } from './own-fault.ts';
import { type ParamInfo, paramsOf } from './params.ts';

/** What `pitr modules <name>` shows, as data (`--output json`). */
export interface ModuleDoc {
  readonly name: string;
  readonly kind: AnyModule['kind'];
  readonly summary: string;
  readonly description: string | undefined;
  /** The param that a plain text under the module's name is taken for. */
  readonly freeForm: string | undefined;
  readonly params: readonly ParamInfo[];
  /** The author of the task chooses the names (`set_fact`). */
  readonly openParams: boolean;
  readonly returns: Readonly<Record<string, string>>;
  readonly examples: string;
  /** What the module does to a host, and what `--check` shows of it. */
  readonly effect: string;
  readonly undo: string;
  /** Where a module of a user lies; nothing for those of pitr. */
  readonly file?: string | undefined;
}

const EFFECTS: Readonly<Record<AnyModule['kind'], string>> = {
  look: 'only looks; in check mode it does the same, or says that it cannot know yet',
  control: 'works on the controller; touches no host',
  change: 'may change a host; in check mode it looks and says what would change',
};

/** The documentation of a module, made from its parts alone. */
export function moduleDoc(name: string, module: AnyModule): ModuleDoc {
  const known = paramsOf(module.params);
  return {
    name,
    kind: module.kind,
    summary: module.summary,
    description: module.description,
    freeForm: module.freeForm,
    params: known?.params ?? [],
    openParams: known?.open ?? false,
    returns: module.returns ?? {},
    examples: module.examples.trim(),
    effect: EFFECTS[module.kind],
    undo: undoWords(module),
    ...(fileOf(module) === undefined ? {} : { file: fileOf(module) }),
  };
}

function undoWords(module: AnyModule): string {
  if (module.kind !== 'change') return 'nothing to undo';
  if (typeof module.undo !== 'function') return `cannot be undone: ${module.undo.impossible}`;
  return module.undoable === undefined ? 'can be undone' : 'can be undone, depending on its params';
}

/** The documentation of a module as plain text without colours, at most `width` columns where words allow it. */
export function moduleDocText(doc: ModuleDoc, width = 100): string {
  const sections = [
    `${doc.name}: ${doc.summary}`,
    ...(doc.description === undefined ? [] : [wrap(doc.description, width, '')]),
    [
      `It ${doc.effect}.`,
      `Undo: ${doc.undo}.`,
      ...(doc.file === undefined ? [] : [`Its file: ${asNamed(doc.file)}`]),
    ]
      .map((line) => wrap(line, width, ''))
      .join('\n'),
    paramsText(doc, width),
    returnsText(doc, width),
    `Examples\n${indent(doc.examples, '  ')}`,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function paramsText(doc: ModuleDoc, width: number): string {
  if (doc.params.length === 0) return doc.openParams ? 'Params\n  names of your own' : 'Params\n  none';
  const lines = doc.params.map((param) => {
    const notes = [
      param.type,
      param.required ? 'required' : '',
      param.default === undefined ? '' : `default ${JSON.stringify(param.default)}`,
      param.variable === undefined ? '' : `else variable ${param.variable}`,
      param.name === doc.freeForm ? 'may stand right under the module' : '',
    ].filter((note) => note !== '');
    const head = `  ${param.name} (${notes.join('; ')})`;
    return param.description === undefined ? head : `${head}\n${wrap(param.description, width, '      ')}`;
  });
  return ['Params', ...lines, ...(doc.openParams ? ['  and names of your own'] : [])].join('\n');
}

function returnsText(doc: ModuleDoc, width: number): string {
  const names = Object.entries(doc.returns);
  if (names.length === 0) return '';
  return ['Registers', ...names.map(([name, text]) => `  ${name}\n${wrap(text, width, '      ')}`)].join(
    '\n',
  );
}

function wrap(text: string, width: number, margin: string): string {
  return text
    .trim()
    .split('\n')
    .map((paragraph) => {
      const lines: string[] = [];
      for (const word of paragraph.trim().split(/\s+/)) {
        const line = lines.at(-1);
        if (line === undefined || line.length + word.length + 1 > width) lines.push(`${margin}${word}`);
        else lines[lines.length - 1] = line === margin ? `${margin}${word}` : `${line} ${word}`;
      }
      return lines.join('\n');
    })
    .join('\n');
}

function indent(text: string, margin: string): string {
  return text.replace(/^(?=.)/gm, margin);
}
