import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { FACT_SUBSETS, factsProbe, parseFacts } from '../../system/core/host-facts.ts';

const params = z.strictObject({
  gather: z
    .array(z.enum(FACT_SUBSETS))
    .min(1)
    .default([...FACT_SUBSETS])
    .describe('what to ask for; nothing else is asked'),
});

export const module = defineLook({
  summary: 'Tells about the host: system, kernel, processors, memory, names, users. One round trip.',
  examples: `- core.facts: { gather: [os, memory] }
  register: facts
- core.debug: "{{ facts.os.name }} {{ facts.os.version }}"`,
  params,
  returns: {
    os: 'id (debian), like, version, codename, name',
    kernel: 'name, release, architecture',
    cpu: 'count, model',
    memory: 'total_bytes, available_bytes, swap_bytes',
    hostname: 'name, fqdn, machine_id',
    users: 'user name to uid, gid, home, shell',
    time: 'epoch (seconds) and zone (offset from UTC) of the host',
  },
  read: async (host, { gather }) => parseFacts(gather, await host.query(factsProbe(gather))),
});
