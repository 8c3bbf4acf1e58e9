import { randomBytes } from 'node:crypto';

/** A file name that nothing but a value that was run as code would make. */
export function newCanary(): string {
  return `pwned-${randomBytes(4).toString('hex')}`;
}

/** Texts that are dangerous where a value is taken for code; those that would do something make the canary. */
export function hostileTexts(canary: string): readonly string[] {
  const touch = `touch ${canary}`;
  return [
    `$(${touch})`,
    `\`${touch}\``,
    `'; ${touch}; '`,
    `"; ${touch}; "`,
    `a\n${touch}\n`,
    `| ${touch}`,
    `&& ${touch} &`,
    `\${x:=$(${touch})}`,
    `it's "quoted" \\ and \\' more`,
    '--help',
    '-rf',
    '-',
    '*',
    '?[!a-z]{a,b}',
    '~root',
    '$HOME %s %n !! #',
    ' blank before and after ',
    '\t\r\x1b[31m\x07',
    'ü☃💥\u202e\u0301\ufeff',
    '{{ lookup }} {% if %} {{{x}}}',
    '__proto__',
    'x'.repeat(255),
  ];
}

/** For tables of tests: the text as it would be written, and short. */
export function shown(text: string): string {
  return JSON.stringify(text.replace(/pwned-\w+/, 'pwned')).slice(0, 60);
}
