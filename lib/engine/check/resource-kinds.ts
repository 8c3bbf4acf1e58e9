import type { Resource } from '../../contract/host.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { pathResource } from '../../system/fs/path-resource.ts';
import { lockResource } from '../../system/lock/lock-resource.ts';

/** Scope and tree form of the resource kinds that predictions are made of; any other kind is flat and per host. */
export const RESOURCES: ReadonlyMap<string, Resource<unknown>> = new Map<string, Resource<unknown>>([
  [pathResource.kind, pathResource],
  [postgresResource.kind, postgresResource],
  [lockResource.kind, lockResource],
  [
    'patroni',
    { kind: 'patroni', scope: 'run', read: () => Promise.reject(new Error('only its scope is of use here')) },
  ],
]);
