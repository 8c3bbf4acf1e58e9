import { asTemplate, FILTERS } from '../jinja/to-template.ts';
import { HELPERS } from './helpers.ts';

/**
 * What to write instead of something that Jinja (or habit) writes between braces; nothing when there is no idea. A
 * rewrite of the whole is offered only where `accepts` says that it is a template.
 */
export function jinjaHint(expression: string, accepts: (template: string) => boolean): string | undefined {
  const text = expression.trim();
  if (text.startsWith('.'))
    return 'Braces that are meant as text are written \\{{ (for docker or go templates).';
  const bare = text.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/gs, '""');
  const rewritten = asTemplate(text);
  const whole = rewritten === undefined || rewritten === text ? undefined : `{{${rewritten}}}`;
  const offered = whole !== undefined && accepts(whole) ? whole : undefined;
  if (bare.includes('|')) return filterHint(bare, offered);
  if (/==|!=|<|>|[+*/%~]|(?<![\w.])-|(?<!\S)(?:and|or)(?!\S)/.test(bare))
    return offered === undefined
      ? 'There are no operators in templates; helpers stand first.'
      : `There are no operators in templates: write ${offered}.`;
  if (offered !== undefined) return `Write ${offered}.`;
  if (/\bis\s+(?:not\s+)?\w+/.test(bare))
    return 'Tests belong into conditions (when: has(name)); in templates {{#if name}}...{{/if}} or {{default name "text"}}.';
  if (/^[\w.]+\.\w+\(/.test(bare))
    return `Values have no methods here; helpers stand first, as in {{lower name}}. There are: ${helperNames()}.`;
  return undefined;
}

function filterHint(bare: string, offered: string | undefined): string {
  if (offered !== undefined) return `There are no filters with |: write ${offered}.`;
  const unknown = [...bare.matchAll(/\|\s*([\w.]+)/g)]
    .map(([, name = '']) => name)
    .find((name) => !isKnown(name));
  return unknown === undefined
    ? 'There are no filters with |: helpers stand first, as in {{default name "text"}}.'
    : `There are no filters with |, and no helper "${unknown}". There are: ${helperNames()}.`;
}

function isKnown(filter: string): boolean {
  return HELPERS.has(FILTERS.get(filter) ?? filter);
}

function helperNames(): string {
  return [...HELPERS.keys()].join(', ');
}

/** `{% if %}`, or a comment `{# ... #}`; `${#list}` is the shell's. */
const STATEMENT =
  /\{%[-+]?\s*(?:if|elif|else|endif|for|endfor|set|include|import|from|extends|macro|block|raw|filter|call|with|do)\b|(?<![{$])\{#[\s\S]*?#\}/;

/** The offset of a Jinja statement or comment: Handlebars would print it as text. */
export function jinjaStatement(text: string): number {
  return /\{[%#]/.test(text) ? text.search(STATEMENT) : -1;
}
