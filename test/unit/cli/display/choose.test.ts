import { describe, expect, it } from 'vitest';
import { outputKind } from '../../../../cli/display/choose.ts';
import { marksFor } from '../../../../cli/display/marks.ts';
import { NO_PAINT, paintFor } from '../../../../cli/display/paint.ts';
import { columnsOf } from '../../../../cli/io.ts';
import { Sink } from '../support/screen.ts';

const terminal = new Sink(80, true);
const pipe = new Sink(80, false);

describe('the form of the output', () => {
  it.each([
    ['a terminal', terminal, {}, 'tty'],
    ['a pipe', pipe, {}, 'text'],
    ['a terminal in CI', terminal, { CI: 'true' }, 'text'],
    ['a terminal, CI switched off', terminal, { CI: 'false' }, 'tty'],
    ['a dumb terminal', terminal, { TERM: 'dumb' }, 'text'],
  ])('%s', (_, stdout, env, kind) => {
    expect(outputKind(undefined, { stdout, env })).toBe(kind);
  });

  it('is what was asked for, whatever stdout is', () => {
    expect(outputKind('json', { stdout: terminal, env: {} })).toBe('json');
    expect(outputKind('tty', { stdout: pipe, env: { CI: '1' } })).toBe('tty');
  });
});

describe('colours', () => {
  it.each<[string, Sink, boolean, Record<string, string>, boolean]>([
    ['on a terminal', terminal, false, {}, true],
    ['not in a pipe', pipe, false, {}, false],
    ['not with --no-color', terminal, true, { FORCE_COLOR: '1' }, false],
    ['not with NO_COLOR', terminal, false, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
    ['an empty NO_COLOR says nothing', terminal, false, { NO_COLOR: '' }, true],
    ['in a pipe with FORCE_COLOR', pipe, false, { FORCE_COLOR: '1' }, true],
    ['not with FORCE_COLOR=0', terminal, false, { FORCE_COLOR: '0' }, false],
    ['not on a dumb terminal', terminal, false, { TERM: 'dumb' }, false],
  ])('%s', (_, output, noColor, env, colored) => {
    const paint = paintFor(output, { noColor, env });
    expect(paint !== NO_PAINT).toBe(colored);
    expect(paint.failed('x').length > 1).toBe(colored);
  });
});

describe('the terminal', () => {
  it('that was never sized is taken for 80 columns', () => {
    expect(columnsOf(new Sink(0, true))).toBe(80);
    expect(columnsOf(new Sink(40, true))).toBe(40);
    expect(columnsOf({ write: () => true })).toBe(80);
  });

  it.each([
    [{}, '✔'],
    [{ LANG: 'en_US.UTF-8' }, '✔'],
    [{ LANG: 'C' }, '+'],
    [{ LANG: 'en_US.UTF-8', LC_ALL: 'POSIX' }, '+'],
    [{ TERM: 'linux', LANG: 'en_US.UTF-8' }, '+'],
  ])('with %j shows %s', (env, mark) => {
    expect(marksFor(env).ok).toBe(mark);
  });
});
