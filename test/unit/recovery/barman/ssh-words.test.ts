import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellWords, testedSsh } from '../../../../lib/recovery/barman/ssh-words.ts';

describe('an ssh command as a text', () => {
  it.each([
    ['ssh -q postgres@db2', ['ssh', '-q', 'postgres@db2']],
    [`ssh -i "/a b/key" -o 'X=y z' u@h`, ['ssh', '-i', '/a b/key', '-o', 'X=y z', 'u@h']],
    ['  ssh\ta\\ b  ', ['ssh', 'a b']],
    [`x''y "" z`, ['xy', '', 'z']],
    ['', []],
  ])('%j', (text, words) => {
    expect(shellWords(text)).toEqual(words);
  });

  it('is split as sh splits it', () => {
    const part = fc.constantFrom('a', 'B', ' ', '  ', "'x y'", '"p q"', '\\ ', '"\\""', '@', '=', '-');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const text = parts.join('');
        const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' x ${text}`], { encoding: 'utf8' });
        expect(['x', ...shellWords(text)]).toEqual(stdout.split('\0').slice(0, -1));
      }),
      { numRuns: 60 },
    );
  });

  it.each(["ssh 'open", 'ssh "open', 'ssh \\'])('%j is refused', (text) => {
    expect(() => shellWords(text)).toThrow('not closed');
  });

  it('never asks and never hides its reason in a test, and other programs stay as they are', () => {
    expect(testedSsh(['/usr/bin/ssh', '-q', 'postgres@db2'])).toEqual([
      '/usr/bin/ssh',
      '-o',
      'BatchMode=yes',
      '-o',
      'ConnectTimeout=10',
      '-o',
      'LogLevel=ERROR',
      'postgres@db2',
    ]);
    expect(testedSsh(['jump', '-q', 'db2'])).toEqual(['jump', '-q', 'db2']);
  });
});
