import { z } from 'zod';
import { defineControl, type Result } from '../../contract/module.ts';

const params = z.record(
  z.string().regex(/^[A-Za-z_]\w*$/, 'expected the name of a variable: letters, digits and _'),
  z.unknown(),
);

export const module = defineControl({
  summary: 'Sets variables of the host, for the rest of the run.',
  description: 'Stronger than the inventory and the vars of plays and tasks; weaker than -e.',
  examples: `- core.set_fact:
    old_leader: "{{ cluster.leader }}"
    moved_aside: "{{ pgdata }}.pre-pitr"`,
  params,
  sets: (written) => Object.keys(written),
  returns: { facts: 'the variables that were set' },
  run: async (facts): Promise<Result & { readonly facts: Result }> => ({ facts }),
});
