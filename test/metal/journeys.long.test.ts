import { beforeAll, describe, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { JOURNEYS, type Journey } from './journeys.ts';
import { metalLab } from './metal-lab.ts';

/** Which journeys are made on which kind of hosts; a line more is a kind more. */
const TABLE: readonly { readonly variants: string; readonly journeys: readonly Journey[] }[] = [
  {
    variants: '',
    journeys: [
      'is examined by pitr doctor, which finds nothing wrong',
      'is found out by pitr init, and recover.yml runs with what it has written',
      'recovers in isolation, looks, and rolls back',
      'takes a recovery back with undo',
      'takes the whole cluster over, as --check said',
      'resumes after the controller was killed',
    ],
  },
  {
    variants: 'waldir=link hba=none',
    journeys: [
      'recovers in isolation, looks, and rolls back',
      'takes a recovery back with undo',
      'takes the whole cluster over, as --check said',
    ],
  },
  { variants: 'listen=both', journeys: ['takes the whole cluster over, as --check said'] },
  {
    variants: 'archiver=streaming rest=plain port=6432',
    journeys: ['takes the whole cluster over, as --check said'],
  },
  {
    variants: 'layout=debian superuser=socket',
    journeys: [
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
      'resumes after the controller was killed',
    ],
  },
  {
    variants:
      'tty=required umask=077 locale=de banner=yes sessions=1 shell=dash zones=mixed names=other tmp=noexec',
    journeys: [
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
    ],
  },
  {
    variants: 'members=5 killuser=no mount=none superuser=socket',
    journeys: ['takes the whole cluster over, as --check said'],
  },
  {
    variants: 'mount=data',
    journeys: [
      'is refused before anything is touched',
      'has its data moved below the mount, and is taken over then',
    ],
  },
];

describe.each(TABLE)('hosts with systemd, $variants', ({ variants, journeys }) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await metalLab(variants.split(' ').filter((word) => word !== ''));
  });

  it.each(journeys.map((journey) => ({ journey })))('$journey', ({ journey }) => JOURNEYS[journey](lab));
});
