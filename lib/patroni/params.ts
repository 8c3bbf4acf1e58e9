import { z } from 'zod';
import { absolutePath } from '../postgres/params.ts';

/** What every module of Patroni needs to know: how to ask the node that it runs on. */
export const patroniParams = {
  port: z
    .int()
    .min(1)
    .max(65535)
    .default(8008)
    .describe("port of Patroni's REST API")
    .meta({ variable: 'patroni_port' }),
  config: absolutePath
    .default('/etc/patroni/patroni.yml')
    .describe("Patroni's configuration, for patronictl")
    .meta({ variable: 'patroni_config' }),
  cluster: z
    .string()
    .min(1)
    .optional()
    .describe('name of the cluster (scope); a node of another cluster is refused')
    .meta({ variable: 'patroni_cluster' }),
} as const;

/** The name of a member of the cluster. */
export const memberName = z
  .string()
  .regex(/^[A-Za-z0-9_][\w.-]*$/, 'must be the name of a member of the cluster');
