import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { tellStep, tellWarning } from '../../../cli/commit-view.ts';
import { NO_PAINT } from '../../../cli/display/paint.ts';
import { wayLines } from '../../../cli/display/way-lines.ts';
import { type PlainSession, withPlainSession } from '../../../cli/plain-session.ts';
import { table } from '../../../cli/table.ts';
import { printable } from '../../../cli/text.ts';
import { Masker } from '../../../lib/base/values/masker.ts';

/** A title for the terminal, a move of its cursor, a colour that hides, and a line of its own. */
const EVIL = 'db1\u001b]0;owned\u0007\u001b[2A\u001b[8m\nFAKE: all is well';
const LEFT = 'db1 FAKE: all is well';

async function printed(
  work: (session: PlainSession) => void,
  env: Readonly<Record<string, string>> = { NO_COLOR: '1' },
): Promise<string> {
  let told = '';
  const io = {
    stdout: { write: (text: string) => (told += text) },
    stderr: { write: () => {} },
    stdin: new PassThrough(),
    masker: new Masker(),
    env,
    cwd: '/',
    signals: new EventEmitter(),
    leaveNow: () => {},
  };
  await withPlainSession({ output: undefined, 'no-color': false }, io, async (session) => {
    work(session);
    return 0;
  });
  return told;
}

it('a cell of a table has one line, and nothing that a terminal obeys; blanks of a path stay', () => {
  const lines = table([{ title: 'HOST', value: (host: string) => host }], [EVIL, '/srv/a  b']);
  expect(lines).toEqual(['HOST', LEFT, '/srv/a  b']);
});

it('a way on is cleaned, in its words and in its command', () => {
  const ways = [{ text: `Go to ${EVIL}`, command: `pitr runs ${EVIL}` }];
  const lines = wayLines(ways, { paint: NO_PAINT, columns: () => 80 }).join('\n');
  expect(lines).toBe(printable(lines));
  expect(lines).not.toContain('owned');
});

it('what a commit says of hosts and of journals is on its line', async () => {
  const kept = { host: EVIL, path: EVIL, kind: 'data', run: 'r1' };
  const told = await printed((session) => {
    tellWarning(EVIL, EVIL, session);
    tellStep({ kept, status: 'removed' } as never, [], session);
  });
  expect(told.split('\n')).toEqual([`[${LEFT}] warning: ${LEFT}`, `[${LEFT}] removed ${LEFT}`, '']);
});

it('no command prints what a terminal obeys but its own colours, whoever has put the line together', async () => {
  const print = (session: PlainSession) => session.print([session.view.paint.failed(`leader ${EVIL}`)]);
  expect(await printed(print)).toBe('leader db1\nFAKE: all is well\n');
  expect(await printed(print, { FORCE_COLOR: '1' })).toBe(
    '\u001b[31mleader db1\nFAKE: all is well\u001b[39m\n',
  );
});
