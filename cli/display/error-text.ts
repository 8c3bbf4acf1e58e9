import { EXIT_CODES, type PitrErrorJson, type SourcePosition } from '../../lib/base/errors/pitr-error.ts';
import { printable, wrapWords } from '../text.ts';
import { NO_PAINT, type Paint } from './paint.ts';

export interface ErrorTextOptions {
  readonly paint?: Paint;
  readonly columns?: number;
  /** The lines of the file around a place, with a caret; nothing where the file cannot be read. */
  readonly frameOf?: (at: SourcePosition) => readonly string[];
}

const LABEL = 11;
/** The line of a source frame that is meant. */
const FRAME = /^ *> *\d+ \|/m;

/**
 * An error for a person: the reason first, then where, what the file says there, what exists instead, what the
 * command left behind, what state things are in, and what to type next. Prose is wrapped; commands, paths and stderr
 * stay as they are, so that they can be copied.
 */
export function errorText(error: PitrErrorJson, options: ErrorTextOptions = {}): string[] {
  const { paint = NO_PAINT, columns = 80, frameOf = () => [] } = options;
  const lines = headline(error, paint, columns);
  const label = (name: string): string => `  ${paint.quiet(name.padEnd(LABEL - 2))}`;
  const put = (name: string, text: string): void => {
    const [first = '', ...rest] = wrapWords(text, columns, ' '.repeat(LABEL));
    lines.push(label(name) + first.trimStart(), ...rest);
  };

  if (error.host !== undefined) lines.push(`${label('host')}${printable(error.host)}`);
  if (error.task !== undefined) lines.push(`${label('task')}${printable(error.task)}`);
  if (error.at !== undefined) {
    lines.push(`${label('at')}${error.at.file}:${error.at.line}:${error.at.column}`);
    // checks that find several mistakes bring the frame of each
    const framed = error.details?.some((detail) => FRAME.test(detail)) === true;
    const frame = framed ? [] : frameOf(error.at);
    if (frame.length > 0) lines.push('', ...frame.map(printable), '');
  }
  if (error.details !== undefined) {
    if (lines.length > 1 && lines.at(-1) !== '') lines.push('');
    for (const detail of error.details) lines.push(...detailLines(detail, columns));
    lines.push('');
  }
  if (error.evidence !== undefined) {
    const { command, exitCode, signal, timedOut, stderr } = error.evidence;
    lines.push(`${label('command')}${printable(command)}`);
    const ended = [
      ...(timedOut === true ? ['timed out'] : []),
      ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]),
      ...(signal === undefined ? [] : [`killed by ${signal}`]),
    ].join(', ');
    if (ended !== '') lines.push(`${label('ended')}${ended}`);
    if (stderr !== undefined && stderr.trim() !== '') {
      lines.push(`${label('it said')}`.trimEnd());
      for (const line of printable(stderr).trimEnd().split('\n'))
        lines.push(`    ${paint.quiet('|')} ${line}`);
    }
  }
  if (error.state !== undefined) put('state', printable(error.state));
  if (error.next !== undefined) {
    const [first = '', ...rest] = error.next.flatMap((one) => nextLines(one, columns - LABEL));
    lines.push(`${label('next')}${first}`, ...rest.map((line) => ' '.repeat(LABEL) + line));
  }
  return lines.filter((line, index) => line !== '' || (index < lines.length - 1 && lines[index - 1] !== ''));
}

function headline(error: PitrErrorJson, paint: Paint, columns: number): string[] {
  const word = HEADS[error.kind];
  const [typed = '', ...more] = printable(error.message).split('\n');
  const first = typed.toLowerCase().startsWith(`${word.toLowerCase()}: `)
    ? typed.slice(word.length + 2)
    : typed;
  const [start = '', ...rest] = wrapWords(`${word}: ${first}`, columns);
  return [
    paint.failed(paint.strong(start.slice(0, word.length + 1))) + start.slice(word.length + 1),
    ...rest,
    ...more.flatMap((line) => detailLines(line, columns)),
  ];
}

const HEADS: Readonly<Record<PitrErrorJson['kind'], string>> = {
  usage: 'Error',
  validation: 'Error',
  unreachable: 'Unreachable',
  failed: 'Failed',
  refused: 'Refused',
  interrupted: 'Interrupted',
  bug: 'Bug',
};

/** Details may be laid out by their author (a table, a list): what is indented or fits is left alone. */
function detailLines(detail: string, columns: number): string[] {
  return printable(detail)
    .split('\n')
    .flatMap((line) =>
      line.length + 2 <= columns || /^\s/.test(line) ? [`  ${line}`] : wrapWords(line, columns, '  '),
    );
}

/** A sentence is wrapped, a command is not: it must survive being copied. */
function nextLines(next: string, columns: number): string[] {
  const lines = printable(next).split('\n');
  return next.endsWith('.') ? lines.flatMap((line) => wrapWords(line, columns)) : lines;
}

/** The exit code of an error. */
export function exitCodeOf(error: Pick<PitrErrorJson, 'kind'>): number {
  return EXIT_CODES[error.kind];
}
