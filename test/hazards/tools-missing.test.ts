import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import type { WriteHost } from '../../lib/contract/host.ts';
import { blindHost } from '../support/blind-host.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { LOOKS, type Look, makePlace, removePlace } from './looks.ts';

/**
 * Every look of docs/probes.md, on this machine, with each program that it may use missing in turn: what it answers is what it
 * answers with all of them, or that it cannot be told.
 */

const TOOLS = [
  ...['awk', 'base64', 'cat', 'cut', 'date', 'df', 'du', 'find', 'getconf', 'grep', 'head', 'id', 'ls', 'od'],
  ...[
    'python3',
    'readlink',
    'sed',
    'sha256sum',
    'sleep',
    'sort',
    'stat',
    'tail',
    'timeout',
    'tr',
    'uname',
    'wc',
  ],
];

/** What is told without them is less, and nothing false: what it is less by. */
const LESS: Readonly<Record<string, readonly string[]>> = {
  // The programs that stand for PostgreSQL's and Barman's are made of it here.
  instance: ['cat'],
  tail: ['cat'],
  history: ['cat'],
  'bytes of WAL': ['od', 'tr'],
  // No size: the backup is refused (restored-size-unknown).
  'restored size': ['awk', 'sed', 'tr'],
  // No boot id: names are compared alone.
  login: ['cat'],
  discovery: ['cat', 'sed', 'stat', 'uname'],
  machine: [],
  // A reason why it cannot be rewound; what a copy takes, for a message; no file system that copies on write.
  'old data': ['cat', 'sed', 'cut', 'du', 'stat'],
};

/** Those that ask again for seconds (test/modules/end-processes.test.ts), and those of more than one host or place. */
const NOT_HERE = ['catalogue', 'streaming', 'orphans', 'barman recover', 'rsync'];

beforeAll(makePlace);
afterAll(removePlace);

async function told({ on, untold, part = (answer) => answer }: Look, host: WriteHost): Promise<string> {
  try {
    const answer = await on(host);
    return untold?.(answer) === true ? 'cannot tell' : JSON.stringify(part(answer), asText);
  } catch (thrown) {
    const { kind, code, message } = asPitrError(thrown);
    return kind === 'failed' || kind === 'refused' ? 'cannot tell' : `${code}: ${message}`;
  }
}

const asText = (_key: string, value: unknown) =>
  value instanceof Uint8Array
    ? Buffer.from(value).toString('base64')
    : typeof value === 'bigint'
      ? String(value)
      : value;

it.each(Object.entries<Look>(LOOKS).filter(([name]) => !NOT_HERE.includes(name)))(
  'the look "%s" tells nothing else where a program is missing',
  async (name, look) => {
    // Processes of others come and go: of one that has just gone nobody can tell for once.
    const { seen, words } = await vi.waitFor(async () => {
      await using all = blindHost();
      const answer = await told(look, all.host);
      expect(answer === 'cannot tell' && look.unseen === undefined).toBe(false);
      return { seen: answer, words: all.words() };
    }, 20_000);
    const wrong: string[] = [];
    const used = TOOLS.filter((tool) => new RegExp(`\\b${tool}\\b`).test(words));
    for (const tool of used.filter((one) => LESS[name]?.includes(one) !== true)) {
      await using _ = await fakePrograms({ [tool]: 'exit 127' });
      await using blind = blindHost();
      const answer = await told(look, blind.host);
      if (answer !== seen && answer !== 'cannot tell')
        wrong.push(`without ${tool}: ${answer}, and not ${seen}`);
    }
    expect(wrong).toEqual([]);
  },
);
