import { type ErrorKind, EXIT_CODES } from '../../lib/base/errors/pitr-error.ts';
import { type ErrorSite, errorsOfCode } from './error-codes.ts';
import { errorsOfPlaybooks } from './playbook-errors.ts';
import { SHARED_CODES } from './shared-codes.ts';

/** One code as the page shows it. */
export interface CodeEntry {
  readonly code: string;
  readonly sites: readonly ErrorSite[];
  /** What it means, where that is said apart from the messages. */
  readonly meaning: string | undefined;
  readonly messages: readonly string[];
}

interface OfKind {
  readonly means: string;
  readonly state: string;
  readonly next: string;
}

/** What holds for every error of a kind, unless it says otherwise itself. */
const OF_KIND: Readonly<Record<ErrorKind, OfKind>> = {
  usage: {
    means: 'the command line makes no sense',
    state: 'nothing was done',
    next: '`pitr <command> --help` shows the words and options of a command',
  },
  validation: {
    means: 'a playbook, an inventory, a template or a variable is wrong',
    state: 'no host was changed by it; where it is found before the run, no host was contacted',
    next: 'mend the line that is shown, then run the same command again',
  },
  unreachable: {
    means: 'a host could not be contacted, or the connection was lost',
    state: 'what was done before on the host stays done and is in the journal',
    next: '`pitr ping` shows who answers; `pitr runs` shows how the run stands, and the command that goes on',
  },
  failed: {
    means: 'a task ran on a host and failed',
    state: 'what was changed before stays changed and is in the journal',
    next: 'mend what the error names, then `pitr runs`: it shows how the run stands, and the commands that go on (`pitr resume`) and back (`pitr undo`)',
  },
  refused: {
    means: 'a safety check said no',
    state: 'the task that refused has changed nothing',
    next: 'what the refusal itself says',
  },
  interrupted: {
    means: 'the operator stopped the run, or said no at a question',
    state: 'what was changed before stays changed and is in the journal',
    next: '`pitr runs` shows how the run stands, and the commands that go on and back',
  },
  bug: {
    means: 'pitr itself is wrong',
    state: 'what was changed before stays changed and is in the journal',
    next: 'report it with the details that are printed; `pitr runs` shows how the run stands',
  },
};

const KINDS: readonly ErrorKind[] = [
  'usage',
  'validation',
  'unreachable',
  'failed',
  'refused',
  'interrupted',
  'bug',
];

/** All codes, in the order of the alphabet. */
export function codeEntries(): readonly CodeEntry[] {
  const sites = new Map<string, ErrorSite[]>();
  for (const site of [...errorsOfCode().sites, ...errorsOfPlaybooks()])
    sites.set(site.code, [...(sites.get(site.code) ?? []), site]);
  return [...sites]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, found]) => ({
      code,
      sites: found,
      meaning: SHARED_CODES[code] ?? found.find(({ meaning }) => meaning !== undefined)?.meaning,
      messages: [...new Set(found.flatMap(({ messages }) => messages))],
    }));
}

/** docs/errors.md, made from the code. */
export function errorsPage(entries: readonly CodeEntry[]): string {
  return `# Errors

Every error has a code, which \`--output json\` gives to scripts, and a kind, which gives the exit code. This page is made
from the code by \`npm run docs\`; a test fails when it is out of date. \`{words in braces}\` stand for what only the run knows;
\`{again}\` is the command that was typed, once more.

| kind | exit code | what it is | how things stand | what to do |
|---|---|---|---|---|
${KINDS.map(kindRow).join('\n')}

An error that says itself how things stand, and what to do next, is to be believed before this table. A playbook of yours can
have codes of its own (\`refuse:\` of core.assert, \`code:\` of core.fail), and so can a module of yours.

${entries.map(entryText).join('\n')}`;
}

function kindRow(kind: ErrorKind): string {
  const { means, state, next } = OF_KIND[kind];
  return `| ${kind} | ${EXIT_CODES[kind]} | ${means} | ${state} | ${next} |`;
}

function entryText({ code, sites, meaning, messages }: CodeEntry): string {
  const kinds = KINDS.filter((kind) => sites.some((site) => site.kinds.includes(kind)));
  const states = unique(sites.flatMap((site) => site.states));
  const next = unique(sites.flatMap((site) => site.next));
  const lines = [
    `## ${code}`,
    '',
    `${kinds.map((kind) => `${kind} (${EXIT_CODES[kind]})`).join(' or ')}${meaning === undefined ? '' : `. ${meaning}`}`,
    '',
    ...messages.map((message) => `- It says: ${plain(message)}`),
    `- How things stand: ${states.length > 0 ? states.map(plain).join(' Or: ') : kinds.map((kind) => OF_KIND[kind].state).join('; or: ')}`,
    ...(next.length > 0 ? next.map((way) => `- Next: ${plain(way)}`) : [`- Next: ${nextOf(kinds, sites)}`]),
    '',
  ];
  return lines.join('\n');
}

function nextOf(kinds: readonly ErrorKind[], sites: readonly ErrorSite[]): string {
  const told = sites.some(({ hasNext }) => hasNext) ? 'what the error says under "next"' : undefined;
  return [
    ...(told === undefined ? [] : [told]),
    ...kinds.filter((kind) => told === undefined || kind !== 'refused').map((kind) => OF_KIND[kind].next),
  ].join('; else: ');
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

/** A text of the code as Markdown shows it, character by character. */
function plain(text: string): string {
  return text.replace(/[\\*<>|[\]#]|(?<!\w)_|_(?!\w)/g, (mark) => `\\${mark}`);
}
