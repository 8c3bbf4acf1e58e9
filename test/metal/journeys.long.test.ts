import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { Account } from './account.ts';
import { JOURNEYS, type Journey } from './journeys.ts';
import { metalLab } from './metal-lab.ts';

/** Which journeys are made on which kind of hosts; a line more is a kind more. */
const TABLE: readonly { readonly variants: string; readonly journeys: readonly Journey[] }[] = [
  {
    variants: '',
    journeys: [
      'answers ping, exec, backups and runs',
      'tells a password that sudo does not take',
      'is examined by pitr doctor, which finds nothing wrong',
      'is found out by pitr init, and recover.yml runs with what it has written',
      'is recovered and rolled back with what pitr init has written',
      'refuses what cannot be recovered, and leaves all as it was',
      'recovers in isolation, looks, and rolls back',
      'takes a recovery back with undo',
      'takes the whole cluster over, as --check said',
      'takes it over on the host that only the jump host reaches',
      'is cut over in a run of its own, after a look',
      'brings a moment back beside the cluster, and removes it',
      'takes it over to the latest moment, and loses nothing',
      'takes it over with Barman reached by docker, and the nodes by SSH',
      'resumes after the controller was killed',
    ],
  },
  {
    variants: 'waldir=link hba=none',
    journeys: [
      'is examined by pitr doctor, which finds nothing wrong',
      'is found out by pitr init, and recover.yml runs with what it has written',
      'recovers in isolation, looks, and rolls back',
      'takes a recovery back with undo',
      'takes the whole cluster over, as --check said',
      'goes back to the old data after a cut-over, and lets go of what is kept',
      'resumes after the controller was killed',
    ],
  },
  {
    variants: 'listen=both',
    journeys: [
      'is examined by pitr doctor, which finds nothing wrong',
      'is found out by pitr init, and recover.yml runs with what it has written',
      'takes the whole cluster over, as --check said',
    ],
  },
  {
    variants: 'archiver=streaming rest=plain port=6432',
    journeys: [
      'is examined by pitr doctor, which finds nothing wrong',
      'is found out by pitr init, and recover.yml runs with what it has written',
      'takes the whole cluster over, as --check said',
      'takes it over to the latest moment, and loses nothing',
    ],
  },
  {
    variants: 'layout=debian superuser=socket',
    journeys: [
      'is examined by pitr doctor, which finds nothing wrong',
      'is found out by pitr init, and recover.yml runs with what it has written',
      'recovers in isolation, looks, and rolls back',
      'goes back to the old data after a cut-over, and lets go of what is kept',
    ],
  },
  // All that makes hosts hard at once.
  {
    variants: 'layout=debian waldir=link archiver=streaming compression=gzip listen=own',
    journeys: [
      'is examined by pitr doctor, which finds nothing wrong',
      'is found out by pitr init, and recover.yml runs with what it has written',
      'recovers in isolation, looks, and rolls back',
      'takes a recovery back with undo',
      // Before those that leave old data behind.
      'goes back to the old data after a cut-over, and lets go of what is kept',
      'takes the whole cluster over, as --check said',
      'recovers and rolls back where Barman has packed the history of its timeline',
      'resumes after the controller was killed',
    ],
  },
  {
    variants:
      'tty=required umask=077 locale=de banner=yes sessions=1 shell=dash zones=mixed names=other tmp=noexec',
    journeys: [
      'gives what runs on it the umask of the login',
      'answers ping, exec, backups and runs',
      'tells a password that sudo does not take',
      'is examined by pitr doctor, which finds nothing wrong',
      'is found out by pitr init, and recover.yml runs with what it has written',
      'takes the whole cluster over, as --check said',
      'takes a recovery back with undo',
    ],
  },
  {
    variants: 'rest=https members=4 barman=each method=rsync archiver=both compression=gzip',
    journeys: [
      'is examined by pitr doctor, which finds nothing wrong',
      'is found out by pitr init, and recover.yml runs with what it has written',
      'takes the whole cluster over, as --check said',
      'recovers and rolls back where Barman has packed the history of its timeline',
    ],
  },
  {
    variants: 'retention=tight checkpoint=spread',
    journeys: [
      'is found out by pitr init, and recover.yml runs with what it has written',
      'replays what was prepared after Barman has deleted newer backups',
      'takes the whole cluster over, as --check said',
    ],
  },
  {
    variants: 'members=5 killuser=no mount=none superuser=socket',
    journeys: [
      'is examined by pitr doctor, which finds nothing wrong',
      'is found out by pitr init, and recover.yml runs with what it has written',
      'takes the whole cluster over, as --check said',
    ],
  },
  {
    variants: 'mount=data',
    journeys: [
      'is examined by pitr doctor, which finds nothing wrong',
      'is refused before anything is touched',
      'has its data moved below the mount, and is taken over then',
      'is found out by pitr init where its data has moved to',
    ],
  },
];

const MAKING = 'a lab of this kind';
const account = new Account();

afterAll(() => {
  const table = TABLE.map(({ variants, journeys }) => ({ variants, journeys: [MAKING, ...journeys] }));
  process.stdout.write(`\n${account.lines(table).join('\n')}\n`);
});

describe.each(TABLE.map((row) => [row.variants || 'as they are by default', row] as const))(
  'hosts with systemd, %s',
  (_, { variants, journeys }) => {
    let lab: Lab;

    beforeAll(() =>
      account.of(variants, MAKING, async () => {
        lab = await metalLab(variants.split(' ').filter((word) => word !== ''));
      }),
    );

    // By %s the names are whole, and fit for -t.
    it.each(journeys)('%s', (journey) => account.of(variants, journey, () => JOURNEYS[journey](lab)));
  },
);
