import type { IdleLine } from '../../barman/config.ts';
import { IDLE_WORDS, idleMends } from '../../barman/errors.ts';
import { checksOf, countedServers, ofEachServer } from '../backups-and-archives.ts';
import { barmanOn } from '../commands-to-type.ts';
import type { Facts, NodeFacts, Stock } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import { ofBarman } from '../of-barman.ts';
import { leaderNode } from '../views.ts';

/** Barman's JSON has its checks in lower case, with `_` for every space. */
const OF_STREAMING = /receive|replication_slot|streaming/i;

function streams(facts: Facts): readonly Flaw[] {
  return ofBarman(facts, (barman) => {
    return flawsOf(barman.stock, barman.place.name, (stock) => {
      const leader = leaderNode(facts);
      const own = leader?.place?.barmanServer;
      const judged =
        leader === undefined || own === undefined
          ? countedServers(facts, stock, barman)
          : { value: stock.servers.filter(({ name }) => name === own) };
      return flawsOf(judged, barman.place.name, (servers) => [
        ...notKnown(stock, leader === undefined ? [] : [leader]),
        ...servers
          .filter(({ streamingArchiver }) => streamingArchiver)
          .flatMap(({ name, streaming }) =>
            flawsOf(checksOf(barman.checks, name), barman.place.name, (checks) =>
              checks
                .filter(({ name: check, ok }) => !ok && OF_STREAMING.test(check))
                .map(({ name: check, hint }) => ({
                  severity: 'critical' as const,
                  host: barman.place.name,
                  text: `server ${name} is to receive WAL by streaming, and "${check}" fails${hint === '' ? '' : `: ${hint}`}`,
                  mend: [
                    barmanOn(facts, 'cron'),
                    `Where its position is not in the leader's history: copy what it has of the unfinished segment (*.partial in ${streaming}) to another place, for a reset removes it; then: ${barmanOn(facts, 'receive-wal', '--reset', name)}`,
                  ],
                })),
            ),
          ),
      ]);
    });
  });
}

/** Of a server that Barman does not know nothing can be said. That it does not know it backups.servers tells. */
function notKnown({ servers }: Stock, nodes: readonly NodeFacts[]): readonly Flaw[] {
  return nodes.flatMap(({ name, place }): readonly Flaw[] => {
    const wanted = place?.barmanServer;
    if (wanted === undefined || servers.some((server) => server.name === wanted)) return [];
    const text = `cannot tell: Barman knows no server ${wanted}, the one of ${name}`;
    const mend = [`Set barman_server for ${name} in the inventory.`];
    return [{ severity: 'unknown', host: name, text, mend }];
  });
}

const PLACES = ['incoming', 'streaming'] as const;

function putAside(facts: Facts): readonly Flaw[] {
  return ofBarman(facts, (barman) => {
    return flawsOf(barman.errors, barman.place.name, (found) =>
      found
        .filter(({ names }) => names.length > 0)
        .map(({ server, names }) => ({
          severity: 'critical' as const,
          host: barman.place.name,
          text: `Barman has put aside ${names.length} files of server ${server} that it could not archive: ${names.slice(0, 3).join(', ')}`,
          mend: [
            `A duplicate of a file that is archived with the same bytes may go; any other says that two clusters, or two timelines of one number, archive there: ${barmanOn(facts, 'check', server)}`,
          ],
        })),
    );
  });
}

function waits(facts: Facts): readonly Flaw[] {
  return ofEachServer(
    facts,
    ({ waiting }, { name, streamingArchiver }) =>
      (streamingArchiver ? PLACES : (['incoming'] as const)).every((place) =>
        waiting.some((one) => one.server === name && one.place === place && one.files !== undefined),
      ),
    ({ waiting }, barman) => {
      // Barman's cron passes over them, and what they have received stays where it is.
      const off =
        'value' in barman.stock ? barman.stock.value.servers.filter(({ idle }) => idle.length > 0) : [];
      return waiting.flatMap(({ server, place, files = 0 }) =>
        files === 0 || off.some(({ name }) => name === server)
          ? []
          : [
              {
                severity: 'critical' as const,
                host: barman.place.name,
                text: `${files} files have waited for more than ten minutes in the ${place} directory of server ${server}: barman cron does not run, or fails`,
                mend: [barmanOn(facts, 'cron'), 'Let cron run it every minute: /etc/cron.d/barman'],
              },
            ],
      );
    },
  );
}

/** Of the servers that the nodes archive to: any other may be there to be recovered from alone. */
function idle(kind: IdleLine['kind']): (facts: Facts) => readonly Flaw[] {
  return (facts) =>
    ofBarman(facts, (barman) =>
      flawsOf(barman.stock, barman.place.name, (stock) => [
        ...stock.servers.flatMap((server) => {
          const lines = server.idle.filter((line) => line.kind === kind);
          const nodes = facts.nodes.filter(({ place }) => place?.barmanServer === server.name);
          if (lines.length === 0 || nodes.length === 0) return [];
          return [
            {
              severity: 'critical' as const,
              host: barman.place.name,
              text: `Barman archives nothing for server ${server.name}, the one of ${nodes.map(({ name }) => name).join(', ')}: ${IDLE_WORDS[kind]}`,
              mend: idleMends(lines),
            },
          ];
        }),
        ...notKnown(stock, facts.nodes),
        ...facts.nodes
          .filter(({ place }) => place?.barmanServer === undefined)
          .map(({ name }) => ({
            severity: 'unknown' as const,
            host: name,
            text: `cannot tell: the inventory does not say which server of Barman is that of ${name}`,
            mend: [`Set barman_server for ${name} in the inventory.`],
          })),
      ]),
    );
}

/** What becomes of WAL on Barman's host. */
export const ARRIVAL_CHECKS: readonly Check[] = [
  {
    id: 'archiving.active',
    title: "The nodes' servers are active in Barman",
    meaning:
      'Barman passes over such a server and ends with success: nothing is archived and no backup is taken. A cut-over to its node is refused.',
    needs: ['stock'],
    judge: idle('inactive'),
  },
  {
    id: 'archiving.own',
    title: "The nodes' servers are not copies of another Barman's",
    meaning:
      'A passive server has what its primary Barman sends, and archives nothing itself. A cut-over to its node is refused.',
    needs: ['stock'],
    judge: idle('passive'),
  },
  {
    id: 'archiving.streaming',
    title: 'Barman receives WAL where it is to receive it by streaming',
    meaning: 'The newest WAL is not in the archive, and its slot makes the leader keep everything.',
    needs: ['cluster', 'stock', 'barman-checks'],
    judge: streams,
  },
  {
    id: 'archiving.errors',
    title: 'Barman has put no file aside',
    meaning:
      'A file that it could not archive is missing from a recovery, or tells of two histories with one number.',
    needs: ['stock', 'errors'],
    judge: putAside,
  },
  {
    id: 'archiving.incoming',
    title: 'What arrives at Barman is archived',
    meaning:
      "What only waits there is not yet checked, and retention does not count it. Barman's cron does nothing else either: no retention, no streaming.",
    needs: ['barman', 'stock'],
    judge: waits,
  },
];
