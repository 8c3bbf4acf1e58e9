import { HELPERS } from './helpers.ts';

/** What to write instead of something that Jinja (or habit) writes between braces; nothing when there is no idea. */
export function jinjaHint(expression: string): string | undefined {
  const text = expression.trim();
  if (text.startsWith('.'))
    return 'Braces that are meant as text are written \\{{ (for docker or go templates).';
  const filter = /^([\w.]+)\s*\|\s*(\w+)\s*(?:\(([^()]*)\))?/.exec(text);
  if (filter !== null) return filterHint(filter[1] ?? '', filter[2] ?? '', filter[3]);
  if (text.includes('|'))
    return 'There are no filters with |: helpers stand first, as in {{default name "text"}}.';
  const index = /^([\w.]+)\[\s*(?:'([^']*)'|"([^"]*)"|(\d+))\s*\]/.exec(text);
  if (index !== null) return `Write {{${index[1]}.[${index[2] ?? index[3] ?? index[4]}]}}.`;
  const dynamic = /^([\w.]+)\[\s*([\w.]+)\s*\]/.exec(text);
  if (dynamic !== null) return `Write {{lookup ${dynamic[1]} ${dynamic[2]}}}.`;
  const item = /^([\w.]+)\.(\d+)/.exec(text);
  if (item !== null) return `Write {{${item[1]}.[${item[2]}]}}.`;
  const operator = /^(\(?[\w.]+)\s*(==|!=|<=|>=|<|>|\+|-|\*|\/|%|~|and|or|in)\s+(\S+)/.exec(text);
  if (operator !== null) return operatorHint(operator[1] ?? '', operator[2] ?? '', operator[3] ?? '');
  const choice = /^(\S+) if (.+?) else (\S+)$/.exec(text);
  if (choice !== null) return `Write {{ternary ${choice[2]} ${choice[1]} ${choice[3]}}}.`;
  if (/^[\w.]+ is (not )?\w+/.test(text))
    return 'Tests belong into conditions (when: has(name)); in templates {{#if name}}...{{/if}} or {{default name "text"}}.';
  const method = /^([\w.]+)\.(\w+)\(/.exec(text);
  if (method !== null)
    return `Values have no methods here; helpers stand first, as in {{lower name}}. There are: ${[...HELPERS.keys()].join(', ')}.`;
  return undefined;
}

const OPERATORS: Readonly<Record<string, string>> = {
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '<=': 'lte',
  '>': 'gt',
  '>=': 'gte',
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '~': 'concat',
  and: 'and',
  or: 'or',
};

function operatorHint(left: string, operator: string, right: string): string {
  if (operator === 'in') return `Write {{contains ${right} ${left}}}.`;
  const helper = OPERATORS[operator];
  return helper === undefined
    ? 'There are no operators in templates; helpers stand first.'
    : `There are no operators in templates: write {{${helper} ${left} ${right}}}.`;
}

// Jinja filters that have another name here.
const FILTERS: Readonly<Record<string, string>> = {
  d: 'default',
  to_json: 'json',
  tojson: 'json',
  to_yaml: 'yaml',
  to_nice_yaml: 'yaml',
  count: 'length',
  human_readable: 'bytes',
};

function filterHint(value: string, filter: string, args: string | undefined): string {
  const name = FILTERS[filter] ?? filter;
  const rest =
    args === undefined || args.trim() === ''
      ? ''
      : ` ${args.replaceAll(',', ' ').replace(/\s+/g, ' ').trim()}`;
  return HELPERS.has(name)
    ? `There are no filters with |: write {{${name} ${value}${rest}}}.`
    : `There are no filters with |, and no helper "${filter}". There are: ${[...HELPERS.keys()].join(', ')}.`;
}

const STATEMENT =
  /\{%-?\s*(?:if|elif|else|endif|for|endfor|set|include|import|macro|block|raw|filter|call)\b/;

/** The offset of a Jinja statement (`{% if %}`): Handlebars would print it as text. */
export function jinjaStatement(text: string): number {
  return text.includes('{%') ? text.search(STATEMENT) : -1;
}
