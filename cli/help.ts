import { type Command, HELP, type OptionSpec } from './command.ts';
import { COMMAND_NAMES, COMMANDS } from './commands.ts';
import { wrapWords } from './text.ts';

const COLUMNS = 80;
const WIDEST_TERM = 28;

/** The page of one command. */
export function commandHelp(command: Command): string {
  const usage = [
    'pitr',
    command.name,
    ...command.arguments.map((argument) => {
      const name = argument.variadic ? `${argument.name}...` : argument.name;
      return argument.required ? `<${name}>` : `[${name}]`;
    }),
    '[options]',
    ...(command.passesOn === undefined ? [] : [`[${command.passesOn.name}...]`]),
    ...(command.takesCommand === undefined ? [] : ['--', `<${command.takesCommand}...>`]),
  ].join(' ');
  const sections = [
    `Usage: ${usage}`,
    ...command.description.map((paragraph) => wrapWords(paragraph, COLUMNS).join('\n')),
  ];
  if (command.arguments.length > 0) {
    sections.push(
      section(
        'Arguments',
        command.arguments.map((argument) => [`<${argument.name}>`, argument.text]),
      ),
    );
  }
  const options = [...Object.entries(command.options), ['help', HELP] as const];
  sections.push(
    section(
      'Options',
      options.map(([name, spec]) => [optionTerm(name, spec), optionText(spec)]),
    ),
  );
  sections.push(
    `Examples:\n${command.examples.map((example) => `  # ${example.text}\n  ${example.command}`).join('\n')}`,
  );
  return sections.join('\n\n');
}

/** The first page: what there is. */
export function generalHelp(version: string): string {
  return [
    `pitr ${version}: brings a PostgreSQL cluster back to a moment in its past.`,
    'Usage: pitr <command> [options]',
    section(
      'Commands',
      COMMAND_NAMES.map((name) => [name, COMMANDS[name]?.summary ?? '']),
    ),
    section('Options', [
      ['-h, --help', 'This page; behind a command: its own page with examples.'],
      ['-V, --version', 'The version.'],
    ]),
    section('Exit codes', [
      ['0', 'done'],
      ['2', 'a task failed on a host'],
      [
        '3',
        'a playbook, inventory, template or variable is wrong; most is found before any host is contacted',
      ],
      ['4', 'a host could not be reached'],
      ['5', 'a safety check refused'],
      ['64', 'the command line makes no sense'],
      ['130', 'interrupted, or a question was answered with no'],
      ['1', 'a bug of pitr'],
    ]),
    'Examples:\n  pitr play recover.yml --help\n  pitr status -i inventory/lab-docker.yml\n  pitr backups -i inventory/lab-docker.yml',
  ].join('\n\n');
}

function optionTerm(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
  return `${short}--${name}${spec.value === undefined ? '' : ` <${spec.value}>`}`;
}

function optionText(spec: OptionSpec): string {
  return spec.choices === undefined ? spec.text : `${spec.text} One of ${spec.choices.join(', ')}.`;
}

function section(title: string, entries: readonly (readonly [string, string])[]): string {
  const width = Math.min(WIDEST_TERM, Math.max(...entries.map(([term]) => term.length)));
  const indent = ' '.repeat(width + 4);
  const lines = entries.flatMap(([term, text]) => {
    const [first = '', ...rest] = wrapWords(text, COLUMNS, indent);
    if (term.length > width) return [`  ${term}`, first, ...rest];
    return [`  ${term.padEnd(width)}  ${first.trimStart()}`, ...rest];
  });
  return `${title}:\n${lines.join('\n')}`;
}
