import { Unknown } from '../../base/values/unknown.ts';
import { type ClusterView, type Member, mayLead } from './cluster.ts';
import { isSynchronous } from './synchronous.ts';

/**
 * The cluster once a member has been stopped. When it led and others may lead, one of them takes over: which one, only
 * the run can tell.
 */
export function withoutMember<C extends ClusterView>(cluster: C, name: string): C | Unknown {
  const { leader, ...rest } = cluster;
  const member = cluster.members[name];
  const members = {
    ...cluster.members,
    ...(member === undefined ? {} : { [name]: { ...member, state: 'stopped' } }),
  };
  const others = Object.values(members).filter((other) => other.name !== name);
  if (leader !== name) return { ...cluster, members };
  if (others.some(mayTakeOver(others))) return new Unknown(`who leads once ${name} has stopped`);
  return { ...rest, members } as C;
}

/** The cluster once a member has been started: a running primary takes a lock that nobody holds. */
export function withMember<C extends ClusterView>(cluster: C, name: string, primary: boolean): C {
  const leads = primary && cluster.leader === undefined;
  const member = {
    ...cluster.members[name],
    name,
    role: leads ? ('leader' as const) : ('replica' as const),
    state: 'running',
  };
  return { ...cluster, ...(leads ? { leader: name } : {}), members: { ...cluster.members, [name]: member } };
}

/** Where there are synchronous standbys, none but these. Where there are none, this list does not tell whether there should be. */
function mayTakeOver(others: readonly Member[]): (member: Member) => boolean {
  const synchronous = others.some(isSynchronous);
  return (member) => mayLead(member) && (!synchronous || isSynchronous(member));
}
