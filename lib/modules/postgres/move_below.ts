import { z } from 'zod';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { type InstanceState, NO_INSTANCE } from '../../recovery/postgres/instance.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import {
  type Below,
  moveAbove,
  moveBelow,
  planBelow,
  readBelow,
  refuseTaken,
} from '../../recovery/postgres/move-below.ts';
import { absolutePath, instanceParams } from '../../recovery/postgres/params.ts';
import { pathResource } from '../../system/fs/path-resource.ts';

const params = z.strictObject({
  into: absolutePath.describe('the new data directory, right below the old one; it must not be there yet'),
  pgdata: instanceParams.pgdata,
});

type Params = z.output<typeof params>;

interface State {
  readonly contents: Below;
  readonly instance: InstanceState | Unknown;
}

interface MoveBelowChange extends Change {
  readonly pgdata: string;
  readonly into: string;
  /** What was there to be moved. */
  readonly names: readonly string[];
}

export const module = defineModule({
  summary: 'Moves what a data directory holds into a directory below it, by renaming.',
  description:
    'For a data directory that is a mount point, which cannot be renamed: the one below it can. lost+found stays, and so ' +
    'do names that begin with a dot. Refused while a PostgreSQL works there. PG_VERSION moves first, so that none starts on ' +
    'a part of the data. The new directory gets owner and mode of the old one. A move that was broken off is gone on with. ' +
    'The undo moves all that lies there by then.',
  examples: `- postgres.move_below:
    into: "{{ pgdata }}/data"`,
  params,
  returns: { pgdata: 'the new data directory', names: 'what was moved' },
  read: async (host: ReadHost, { pgdata, into }: Params): Promise<State> => {
    const [contents, instance] = await Promise.all([
      readBelow(host, pgdata, into),
      host.look(postgresResource, pgdata),
    ]);
    return { contents, instance };
  },
  plan: ({ contents }, { pgdata, into }): MoveBelowChange | undefined => {
    const names = planBelow(contents, pgdata, into);
    if (names.length === 0) return undefined;
    return { summary: `move what ${pgdata} holds into ${into}`, pgdata, into, names };
  },
  unchanged: (_state, { into }) => ({ pgdata: into, names: [] }),
  effects: ({ pgdata, into }) => [
    {
      kind: postgresResource.kind,
      id: pgdata,
      state: `moved to ${into}`,
      lasts: 'for good',
      supersedes: true,
    },
  ],
  predict: ({ pgdata, into, names }, { instance }) => ({
    resources: [
      predicted(pathResource, into, new Unknown(`what ${into} will be`), 'unknown'),
      ...names.map((name) => ({
        kind: pathResource.kind,
        moved: { from: `${pgdata}/${name}`, to: `${into}/${name}` },
      })),
      predicted(postgresResource, pgdata, NO_INSTANCE),
      predicted(postgresResource, into, known(instance)),
    ],
    result: { pgdata: into, names },
  }),
  apply: async (host, { pgdata, into, names }) => {
    await moveBelow(host, pgdata, into, names);
    return { pgdata: into, names };
  },
  undo: (host, { pgdata, into, names }) => moveAbove(host, pgdata, into, names),
  mayUndo: async (host, { pgdata, into, names }) => {
    await refuseTaken(host, pgdata, into, names);
  },
  undoShown: ({ pgdata, into }) => [`renames what lies in ${into} to ${pgdata}`],
});
