/** PostgreSQL's own name in the line with which a start begins, which no language translates. */
const BEGINNING = /PostgreSQL \d+\S* .*\bcompiled by\b/;

const CSV =
  /^\d{4}-[^,]*,.*?,(DEBUG\d?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC),[0-9A-Z]{5},"((?:[^"]|"")*)"?,?(?:"((?:[^"]|"")*)"|[^,]*)?,?(?:"((?:[^"]|"")*)")?/;

/** Lines of a log that a collector has written (stderr, csvlog or jsonlog), as stderr has them, since the last start in it. */
export function sinceStart(text: string): readonly string[] {
  const lines = text.split('\n').flatMap(plainLines);
  const begins = lines.findLastIndex((line) => BEGINNING.test(line));
  return begins === -1 ? lines : lines.slice(begins);
}

function plainLines(line: string): readonly string[] {
  if (line.startsWith('{')) return jsonLines(line);
  const csv = CSV.exec(line);
  if (csv === null) return [line];
  const [, severity, message = '', detail = '', hint = ''] = csv;
  return asStderr(severity ?? 'LOG', unquoted(message), unquoted(detail), unquoted(hint));
}

function jsonLines(line: string): readonly string[] {
  let told: Readonly<Record<string, unknown>>;
  try {
    told = JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    // Its beginning was cut off, or it is no line of such a log: shown as it is.
    return [line];
  }
  const text = (name: string): string => (typeof told[name] === 'string' ? told[name] : '');
  return asStderr(text('error_severity'), text('message'), text('detail'), text('hint'));
}

function asStderr(severity: string, message: string, detail: string, hint: string): readonly string[] {
  return [
    `${severity}:  ${message}`,
    ...(detail === '' ? [] : [`${severity} DETAIL:  ${detail}`]),
    ...(hint === '' ? [] : [`${severity} HINT:  ${hint}`]),
  ];
}

function unquoted(text: string): string {
  return text.replaceAll('""', '"');
}
