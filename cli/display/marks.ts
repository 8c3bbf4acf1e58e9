/** The signs before a line on a terminal. */
export interface Marks {
  readonly ok: string;
  readonly changed: string;
  readonly failed: string;
  readonly skipped: string;
  readonly unknown: string;
  readonly warning: string;
  readonly question: string;
  readonly running: readonly string[];
  readonly rule: string;
  readonly under: string;
}

const UNICODE: Marks = {
  ok: '✔',
  changed: '●',
  failed: '✖',
  skipped: '○',
  unknown: '?',
  warning: '⚠',
  question: '?',
  running: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
  rule: '─',
  under: '›',
};

const ASCII: Marks = {
  ok: '+',
  changed: '*',
  failed: 'x',
  skipped: '-',
  unknown: '?',
  warning: '!',
  question: '?',
  running: ['|', '/', '-', '\\'],
  rule: '-',
  under: '>',
};

/** Plain ASCII on the Linux console and where the locale says so; a container without any locale is no sign. */
export function marksFor(env: Readonly<Record<string, string | undefined>>): Marks {
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '');
  const ascii = env.TERM === 'linux' || (locale !== undefined && !/utf-?8/i.test(locale));
  return ascii ? ASCII : UNICODE;
}
