import { z } from 'zod';
import { Unknown } from '../../base/values/unknown.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { seconds } from '../postgres/params.ts';
import { patroniResource } from './cluster-resource.ts';
import { clusterName, setPaused } from './control.ts';
import { patroniParams } from './params.ts';

const params = z.strictObject({
  timeout: seconds.default(60).describe('seconds until the nodes must know'),
  ...patroniParams,
});

type Params = z.output<typeof params>;

/** A module that pauses automatic failover, or resumes it: one is the undo of the other. */
export function pausingModule(
  paused: boolean,
  words: { readonly summary: string; readonly description: string; readonly examples: string },
) {
  return defineModule({
    ...words,
    params,
    returns: { paused: 'whether automatic failover is paused' },
    read: async (host, p: Params) => ({
      host: host.name,
      cluster: await host.look(patroniResource(p), p.cluster ?? ''),
    }),
    plan: ({ host, cluster }, p) => {
      if (!(cluster instanceof Unknown) && cluster.paused === paused) return undefined;
      return {
        summary: `${paused ? 'pause' : 'resume'} automatic failover`,
        cluster: cluster instanceof Unknown ? (p.cluster ?? '') : clusterName(cluster, p, host),
        port: p.port,
        ...(p.url === undefined ? {} : { url: p.url }),
        config: p.config,
        timeoutMs: p.timeout * 1000,
      };
    },
    unchanged: () => ({ paused }),
    predict: (_change, { cluster }, p) => ({
      resources: [
        predicted(
          patroniResource(p),
          p.cluster ?? '',
          cluster instanceof Unknown ? cluster : { ...cluster, paused },
        ),
      ],
      result: { paused },
    }),
    apply: async (host, change, _p, context) => {
      await setPaused(host, change, paused, change.timeoutMs, context.signal);
      return { paused };
    },
    undo: (host, change, context) => setPaused(host, change, !paused, change.timeoutMs, context.signal),
  });
}
