import { z } from 'zod';
import { SERVICE_MANAGERS, serviceName } from '../../system/service/service-resource.ts';
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
  url: z
    .string()
    .regex(/^https?:\/\/[\w.:[\]-]+\/?$/, 'must be http:// or https://, a host and a port')
    .optional()
    .describe(
      "where the node's own REST API is: https://10.0.0.11:8008; found at 127.0.0.1 and in Patroni's configuration by default",
    )
    .meta({ variable: 'patroni_url' }),
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

/** What runs Patroni on its node. */
export const patroniServiceParams = {
  service: serviceName
    .default('patroni')
    .describe("name of Patroni's service")
    .meta({ variable: 'patroni_service' }),
  manager: z
    .enum(SERVICE_MANAGERS)
    .default('systemd')
    .describe('what runs it')
    .meta({ variable: 'service_manager' }),
} as const;

/** A line break would end a rule of `pg_hba.conf`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what the name must not hold
export const roleName = z.string().regex(/^[^\u0000-\u001f\u007f]+$/, 'must be the name of a database role');

export const patroniSuperuserParam = roleName
  .optional()
  .describe("database role that Patroni works as; found in Patroni's configuration by default")
  .meta({ variable: 'patroni_superuser' });

/** The name of a member of the cluster. */
export const memberName = z
  .string()
  .regex(/^[A-Za-z0-9_][\w.-]*$/, 'must be the name of a member of the cluster');
