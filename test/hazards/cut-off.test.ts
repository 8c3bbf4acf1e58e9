import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import type { WriteHost } from '../../lib/contract/host.ts';
import { blindHost, HOW_IT_ENDS } from '../support/blind-host.ts';
import { LOOKS, type Look, makePlace, removePlace } from './looks.ts';
import { rowsOf } from './named-tests.ts';

/**
 * Every look of docs/probes.md, on this machine, with each of its commands in turn ended by its time limit, killed, failed or
 * ended well, and without a word of it: the answer is that it cannot be told.
 */

/** Which of them each row of docs/probes.md rests on, by how its question begins; or why it is none of a host. */
const ROWS: Readonly<Record<string, readonly (keyof typeof LOOKS)[] | string>> = {
  'Does PostgreSQL work in this directory': ['idle', 'instance', 'destination'],
  'Is there anything at this path': ['path', 'destination', 'put aside'],
  'On which file systems are two paths': ['rename'],
  'Is anything in a directory': ['removal'],
  'Is a command that a dead controller left': ['orphans'],
  'Does a `barman recover`': ['barman recover', 'rsync'],
  'Is failover paused': ['pause', 'cluster'],
  'Who is a member': ['cluster', 'instance'],
  'Is a host the member whose name': ['cluster', 'instance'],
  'Are the files of a backup all there': ['files of a backup'],
  'Has a command ended': 'the transport asks the shell that has run it: test/transport/contract.ts',
  'Which timeline numbers are used up': ['cluster', 'instance'],
  'Has a member led since': ['cluster', 'instance'],
  'Does a primary run on the node': ['instance'],
  'Has a cut-over left another member': ['instance', 'service'],
  'Is a member that was stopped still down': ['service', 'living Patroni'],
  'Does the recovered node still wait': ['instance'],
  'Which node leads': ['cluster'],
  'Is what waits on a node the recovery': ['note'],
  'Does a member follow the leader': ['streaming'],
  'Does Patroni keep its data where': ['data directory'],
  "What does Patroni's configuration say": ['data setting'],
  'Which backups and WAL files': ['catalogue'],
  'Is a host the machine': ['machine'],
  'Does the controller of a run still live':
    'the controller looks at its own machine, and runs no command for it',
  'What lies in `pg_wal`': ['tail'],
  'How much room is there': ['space', 'size'],
  'Could a copy make its tablespaces': ['places'],
  'How large is a backup': ['restored size'],
  'What has Barman put aside': ['put aside', 'archived'],
  "Does Barman's login lead": ['login', 'machine'],
  'Is a login let in': ['login settings', 'tried logins', "Barman's logins", "Patroni's login"],
  'Is a port closed': ['port'],
  'Is somebody at work on the cluster': ['lock'],
  'How is the data directory laid out': ['layout'],
  'Which version of PostgreSQL': ['version'],
  'Is this WAL of a PostgreSQL': ['bytes of WAL'],
  'What time is it': ['time'],
  'Of which version is Barman': 'the words of `barman --version` are judged alone: none is no version',
  'Of which version is this data': ['instance'],
  'With which limits does PostgreSQL run': ['limits'],
  'Can old data be brought': ['old data'],
  'Is the data that leads still': ['history'],
  'Is the place free where the WAL': ['path'],
  'Which Patroni of a host': ['discovery', 'living Patroni', 'served Patroni'],
  'Which commands has a host': ['tools'],
  'Can PostgreSQL fetch WAL': ['fetched WAL'],
  'Is the number of the timeline to come free':
    'restore_command answers by its exit code alone, as PostgreSQL understands it',
  'How large are the WAL segments': ['instance'],
  'What is the cluster called': ['cluster'],
};

/** What no row asks, and a change rests on all the same. */
const IN_NO_ROW: readonly (keyof typeof LOOKS)[] = [
  ...(['held backup', 'spool', 'copy', 'settings of archiving'] as const),
  ...(['files of a recovery', 'a free name'] as const),
];

beforeAll(makePlace);
afterAll(removePlace);

it('each row of docs/probes.md is one of these', () => {
  const [, , ...rows] = rowsOf('docs/probes.md');
  const questions = rows.map(([question = '']) => question);
  const begun = Object.keys(ROWS);
  expect(questions.filter((question) => !begun.some((words) => question.startsWith(words)))).toEqual([]);
  expect(begun.filter((words) => questions.filter((one) => one.startsWith(words)).length !== 1)).toEqual([]);
  const named = [
    ...IN_NO_ROW,
    ...Object.values(ROWS).flatMap((looks) => (typeof looks === 'string' ? [] : looks)),
  ];
  expect(Object.keys(LOOKS).filter((name) => !named.some((one) => one === name))).toEqual([]);
});

/** What a look says that cannot be told; or what it says, where that is something else. */
async function answered(look: Look, host: WriteHost): Promise<string> {
  const { codes = [], untold = () => false } = look;
  try {
    const answer = await look.on(host);
    return untold(answer) ? 'cannot tell' : `answers: ${JSON.stringify(answer, asText)}`;
  } catch (thrown) {
    const { code, message } = asPitrError(thrown);
    return codes.includes(code) ? 'cannot tell' : `${code}: ${message}`;
  }
}

/** What it says where nothing is cut off. Processes of others come and go: of one that has just gone nobody can tell for once. */
const answers = (look: Look) =>
  vi.waitFor(async () => {
    await using seeing = blindHost();
    const seen = await answered(look, seeing.host);
    expect(seen).toMatch(/^answers/);
    return { seen, asked: seeing.asked() };
  }, 20_000);

const asText = (_key: string, value: unknown) =>
  value instanceof Uint8Array
    ? Buffer.from(value).toString('base64')
    : typeof value === 'bigint'
      ? String(value)
      : value;

describe.each(Object.entries<Look>(LOOKS))('the look "%s"', (_, look) => {
  it.each(HOW_IT_ENDS)('cannot tell where its command %s', async (ends) => {
    await using blind = blindHost({ ends });
    expect(await answered(look, blind.host)).toBe('cannot tell');
    expect(blind.asked()).toBeGreaterThan(0);
  });

  it.skipIf(look.unseen)(
    'cannot tell where any one of its commands is cut off, and can where none is',
    async () => {
      const { seen, asked } = await answers(look);
      for (let number = 1; number <= asked; number++) {
        for (const ends of HOW_IT_ENDS) {
          await using blind = blindHost({ ends, number });
          const told = await answered(look, blind.host);
          if (look.again !== true || told !== seen)
            expect([number, ends, told]).toEqual([number, ends, 'cannot tell']);
        }
      }
    },
  );
});
