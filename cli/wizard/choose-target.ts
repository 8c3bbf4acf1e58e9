import { z } from 'zod';
import type { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { lookOnce } from '../../lib/engine/run/look.ts';
import type { Surroundings } from '../recover/gap.ts';
import { readSite } from '../recover/nodes.ts';
import { table } from '../table.ts';
import { choose, type Prompt } from './prompt.ts';

const clusterSchema = z.looseObject({
  leader: z.string().optional(),
  timeline: z.number().optional(),
  members: z.record(z.string(), z.looseObject({ role: z.string().optional(), state: z.string().optional() })),
});

interface Candidate {
  readonly name: string;
  readonly role: string;
  readonly state: string;
  readonly leads: boolean;
}

export interface Target {
  readonly target: string;
  readonly allowLeader: boolean;
}

/** The nodes of the cluster, replicas first; the leader only on a second question. */
export async function chooseTarget(
  prompt: Prompt,
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<Target> {
  const { nodes } = await readSite(request);
  const names = nodes.map(({ name }) => name);
  return askForTarget(prompt, names, await readCluster(names, request));
}

/** Where nobody knows which node leads, any may be the leader: none is proposed, and it is said. */
export async function askForTarget(
  prompt: Prompt,
  names: readonly string[],
  cluster: z.output<typeof clusterSchema> | undefined,
): Promise<Target> {
  const candidates = names
    .map((name): Candidate => {
      const member = cluster?.members[name];
      return {
        name,
        role: member?.role ?? '-',
        state: member?.state ?? (cluster === undefined ? 'not known' : 'not listed'),
        leads: cluster?.leader === name,
      };
    })
    .sort((a, b) => Number(a.leads) - Number(b.leads) || (a.name < b.name ? -1 : 1));
  const seen = candidates.some(({ leads }) => leads);
  for (;;) {
    prompt.say(['', ...lines(candidates), '']);
    if (!seen) {
      prompt.say([
        cluster === undefined
          ? 'No node tells who leads: any of them may be the leader.'
          : cluster.leader === undefined
            ? 'The cluster names no leader now: any of them may lead it when the recovery begins.'
            : `${cluster.leader} leads, and no host of the inventory has that name: any of them may be it.`,
        'A recovery on the leader is refused when it begins, without -e allow_leader=true.',
        '',
      ]);
    }
    const chosen = await choose(
      prompt,
      'Target node',
      candidates.map((one) => ({ name: one.name, value: one })),
      seen ? 1 : undefined,
    );
    if (!chosen.leads) return { target: chosen.name, allowLeader: false };
    prompt.say([
      `${chosen.name} is the leader: recovering it takes the leader away from the clients. A replica costs them nothing.`,
    ]);
    if (await prompt.confirm(`Recover on the leader ${chosen.name} all the same?`))
      return { target: chosen.name, allowLeader: true };
  }
}

/** What the first node says that answers. */
export async function readCluster(
  names: readonly string[],
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<z.output<typeof clusterSchema> | undefined> {
  let last: PitrError | undefined;
  for (const name of names) {
    const [answer] = await lookOnce({ ...request, hosts: name, module: 'patroni.cluster', params: {} });
    const cluster = clusterSchema.safeParse(answer?.result).data;
    if (cluster !== undefined) return cluster;
    last = answer?.error ?? last;
    request.signal.throwIfAborted();
  }
  if (last?.kind === 'unreachable' && names.length === 1) throw last;
  return undefined;
}

function lines(candidates: readonly Candidate[]): readonly string[] {
  return table<Candidate>(
    [
      { title: '  #', value: (one) => String(candidates.indexOf(one) + 1), align: 'right' },
      { title: 'NODE', value: ({ name }) => name },
      { title: 'ROLE', value: ({ role }) => role },
      { title: 'STATE', value: ({ state }) => state },
      { title: '', value: ({ leads }) => (leads ? '<- serves the clients' : '') },
    ],
    candidates,
  );
}
