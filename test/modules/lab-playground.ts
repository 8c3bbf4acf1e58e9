import {
  containerName,
  type DatabaseHost,
  dataDirectory,
  hostNames,
  postgresBin,
} from '../../lab/topology.ts';
import { Playground } from './playground.ts';
import { productTemplate } from './product-template.ts';

/** Modules on the hosts of a lab, over docker exec. */
export function labPlayground(prefix: string): Playground {
  const play = new Playground(
    Object.fromEntries(
      hostNames.map((host) => [host, { kind: 'docker' as const, container: containerName(prefix, host) }]),
    ),
  );
  play.template = (values, path) => productTemplate(path, values);
  return play;
}

/** What the inventory gives to the modules of the patroni and postgres families on a node. */
export function nodeParams(host: DatabaseHost) {
  const postgres = { pgdata: dataDirectory(host), bin: postgresBin, user: 'postgres' };
  const patroni = { port: 8001, config: '/etc/patroni/patroni.yml', cluster: 'patroni1' };
  return {
    postgres,
    patroni,
    member: { ...postgres, ...patroni, manager: 'supervisor', service: 'patroni' },
  };
}
