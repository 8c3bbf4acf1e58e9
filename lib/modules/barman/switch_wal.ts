import { z } from 'zod';
import { Unknown } from '../../base/values/unknown.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { probe } from '../../contract/probe.ts';
import { predicted } from '../../contract/resource.ts';
import { barmanResource, readCatalogue } from '../../recovery/barman/catalogue.ts';
import { barmanCommandFailed, walNotArchived, walNotSwitched } from '../../recovery/barman/errors.ts';
import { userParam } from '../../recovery/barman/params.ts';
import { wantedServers } from '../../recovery/barman/recovery-wal.ts';
import { parseSegment } from '../../recovery/wal/segment.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  server: z.string().describe("the Barman server of the leader; only the leader's WAL is archived"),
  timeout: z.int().min(1).default(60).describe('seconds to wait for the segment to arrive'),
  user: userParam,
});

interface SwitchChange extends Change {
  readonly server: string;
}

export const module = defineModule({
  summary: 'Closes the current WAL segment and proves that it is archived.',
  description: `The real test of archiving: what counts is the segment's file in the archive. Barman itself ends with
success when nothing arrived in time, and when the server is a standby. Changes something at every run. There is nothing
to take back: a closed segment is as good as an open one, so undo leaves it.`,
  examples: `- barman.switch_wal: { server: "{{ barman_server }}" }
  delegate_to: "{{ barman_host }}"`,
  params,
  freeForm: 'server',
  returns: {
    server: 'the Barman server',
    wal: 'the segment that was archived',
    seconds: 'how long that took',
  },
  read: async (host, { server, user }) => {
    const { servers } = await readCatalogue(host, user);
    return { wals: wantedServers(servers, [server], host.name)[0]?.wals ?? '' };
  },
  plan: (_state, { server }): SwitchChange => ({
    summary: `close the current WAL segment of ${server} and wait until it is archived`,
    server,
  }),
  predict: ({ server }, _state, { user }) => ({
    resources: [
      predicted(barmanResource, user, new Unknown(`a segment of ${server} would have been archived`)),
    ],
    result: { server },
  }),
  apply: async (host, { server }, { timeout, user }, context) => {
    const { wals } = (await readCatalogue(host, user)).servers.find(({ name }) => name === server) ?? {
      wals: '',
    };
    context.progress(`waiting for the WAL segment of ${server} to be archived (at most ${timeout} s)`);
    const result = await host.run(
      ['barman', 'switch-wal', '--force', '--archive', '--archive-timeout', String(timeout), server],
      { user, ownChannel: true, timeoutMs: (timeout + 60) * 1000, signal: context.signal },
    );
    if (result.exitCode !== 0) throw barmanCommandFailed(host.name, result.exitCode, evidenceOf(result));
    const wal = parseSegment(/\b[0-9A-F]{24}\b/.exec(result.stdout)?.[0] ?? '');
    if (wal === undefined) throw walNotSwitched(server, host.name, evidenceOf(result));
    const there = await host.query(probe(['test', '-f', `${wals}/${wal.slice(0, 16)}/${wal}`], { user }));
    if (there.exitCode !== 0) throw walNotArchived(wal, server, timeout, host.name, evidenceOf(result));
    return { server, wal, seconds: Math.round(result.durationMs / 100) / 10 };
  },
  undo: async () => {
    // A closed segment harms nothing and cannot be opened again.
  },
});
