import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { serviceId, serviceResource } from '../../system/service/service-resource.ts';
import { fetchable } from '../barman/node-access.ts';
import { readCluster } from '../patroni/cluster-resource.ts';
import { keepsDataAt } from '../patroni/data-directory.ts';
import { readMemberConfig } from '../patroni/member-config.ts';
import { patroniThere } from '../patroni/service-process.ts';
import { instanceOf, instanceProbe } from '../postgres/instance-resource.ts';
import { readLayout } from '../postgres/layout.ts';
import { NOT_ASKED, type Told, told } from './answer.ts';
import type { Need, NodeFacts, Reached } from './facts.ts';
import { lookAtNode } from './node-script.ts';
import { askBytes, askNode } from './node-sql.ts';
import type { NodePlace } from './place.ts';

const WHO = probeScript('id -un');

/** Connects, and becomes each of the users that work on the host. */
export async function reach(host: ReadHost, users: readonly string[]): Promise<Told<Reached>> {
  return told(async () => {
    const login = (await host.query(WHO([]))).stdout.trim();
    const tried = await Promise.all(
      users.map(async (user) => {
        const answer = await told(async () => {
          const result = await host.query(WHO([], { user }));
          return result.stdout.trim() === user ? undefined : `${result.stderr}${result.stdout}`.trim();
        });
        const why = 'value' in answer ? answer.value : answer.unknown;
        return why === undefined ? [] : [[user, why] as const];
      }),
    );
    return { login, cannotBecome: Object.fromEntries(tried.flat()) };
  });
}

// systemd lets root stop and start a service, and others as polkit says: of one service alone only root may ask it that.
const MAY_CONTROL = probeScript(`
if [ "$(id -u)" = 0 ]; then echo yes
elif ! command -v pkcheck >/dev/null 2>&1; then echo no
elif pkcheck --action-id org.freedesktop.systemd1.manage-units --process $$ >/dev/null 2>&1 </dev/null; then echo yes
else echo unknown; fi`);

/** Whether commands run here as somebody who may stop Patroni. supervisor tells that when it is asked for the service. */
async function mayControl(host: ReadHost, { patroni }: NodePlace): Promise<Reached['mayControl']> {
  if (patroni.manager !== 'systemd') return undefined;
  const answer = await told(() => host.query(MAY_CONTROL([])));
  const word = 'value' in answer ? answer.value.stdout.trim() : '';
  return word === 'yes' || word === 'no' ? word : 'unknown';
}

const UNREAD = {
  host: NOT_ASKED,
  instance: NOT_ASKED,
  layout: NOT_ASKED,
  sql: NOT_ASKED,
  bytes: NOT_ASKED,
  cluster: NOT_ASKED,
  memberConfig: NOT_ASKED,
  dataPlace: NOT_ASKED,
  service: NOT_ASKED,
  patroni: NOT_ASKED,
  fetch: NOT_ASKED,
  logins: NOT_ASKED,
} as const;

/** The same answer to every question: that nothing can be known of a host. */
export function unknownNode(name: string, reached: Told<Reached>, why: Told<never>): NodeFacts {
  const facts = Object.fromEntries(Object.keys(UNREAD).map((key) => [key, why]));
  return { name, reached, ...(facts as Record<keyof typeof UNREAD, Told<never>>) };
}

/** All that is needed of a node, each question by itself: what one of them cannot tell says nothing about the others. */
export async function gatherNodeFacts(
  host: ReadHost,
  place: NodePlace,
  needs: ReadonlySet<Need>,
): Promise<NodeFacts> {
  const reached = await reach(host, [place.user]);
  if (!('value' in reached)) {
    const why = { unknown: `${host.name} is not reached`, next: reached.next };
    return { ...unknownNode(host.name, reached, why), place };
  }
  const login = { ...reached.value, mayControl: await mayControl(host, place) };
  const asked = <T>(need: Need, work: () => Promise<T>): Promise<Told<T>> =>
    needs.has(need) ? told(work) : Promise.resolve(NOT_ASKED);
  const { config } = place.patroni;
  const [look, instance, layout, cluster, memberConfig, dataPlace, service, fetch] = await Promise.all([
    asked('host', () => lookAtNode(host, place)),
    needs.has('sql') || needs.has('instance') ? told(() => instanceThere(host, place)) : NOT_ASKED,
    asked('layout', () => readLayout(host, place.pgdata, place.user)),
    asked('cluster', () => readCluster(host, place.patroni)),
    asked('member-config', () => readMemberConfig(host, config)),
    asked('data-place', () => keepsDataAt(host, config, place.pgdata)),
    asked('service', async () =>
      serviceResource.read(host, serviceId(place.patroni.manager, place.patroni.service)),
    ),
    asked('fetch', () =>
      fetchable(host, {
        ssh: place.barmanSsh,
        // Of one server: that tries the login and the tool. From every node for every server would be a load.
        servers: place.barmanServer === undefined ? place.barmanServers : [place.barmanServer],
        wal_method: place.walMethod,
        pg_user: place.user,
      }),
    ),
  ]);
  const programs = 'value' in instance ? instance.value.programs : undefined;
  const sql = await asked('sql', () => askNode(host, place, programs));
  const bytes = 'value' in sql ? await told(() => askBytes(host, place, programs)) : NOT_ASKED;
  const patroni =
    'value' in service
      ? await asked('service', () => patroniThere(host, place.patroni, service.value))
      : service;
  return {
    name: host.name,
    place,
    reached: { value: login },
    host: look,
    instance,
    layout,
    sql,
    bytes,
    cluster,
    memberConfig,
    dataPlace,
    service,
    patroni,
    fetch,
    logins: NOT_ASKED,
  };
}

async function instanceThere(host: ReadHost, { pgdata }: NodePlace) {
  return instanceOf(await host.query(instanceProbe(pgdata)), host.name, pgdata);
}
