import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const TASKS = 20;

/** The playbooks of the benchmark, in pitr's words and in Ansible's; both do the same on the hosts. */
export interface Workload {
  readonly name: string;
  /** It starts from hosts on which none of its files is there. */
  readonly fresh: boolean;
  readonly pitr: string;
  readonly ansible: string;
}

export type WorkloadName = 'empty' | 'commands' | 'fresh' | 'templates' | 'copy';

const play = (tasks: string): string => `- hosts: all\n  gather_facts: false\n  tasks:\n${tasks}`;
const twenty = (task: (n: number) => string): string =>
  Array.from({ length: TASKS }, (_, n) => task(n)).join('');

/** Writes the workloads' files into a directory; playbook paths are in the result. */
export async function writeWorkloads(directory: string): Promise<Readonly<Record<WorkloadName, Workload>>> {
  const template = join(directory, 'settings.conf.j2');
  await writeFile(template, 'host = {{ inventory_hostname }}\nport = {{ ansible_port }}\n'.repeat(20));
  await writeFile(join(directory, 'rendered'), 'host = host0\nport = 12345\n'.repeat(20));
  const big = join(directory, 'big.bin');
  await writeFile(big, randomBytes(100 * 1024 * 1024));
  const templates = play(
    twenty(
      (n) =>
        `    - { name: t${n}, template: { src: ${template}, dest: "{{ files }}/f${n}", mode: "0644" } }\n`,
    ),
  );
  const bodies: Readonly<
    Record<WorkloadName, { readonly name: string; readonly both: string; readonly fresh?: true }>
  > = {
    empty: { name: 'an empty play', both: '- hosts: all\n  gather_facts: false\n  tasks: []\n' },
    commands: {
      name: `${TASKS} trivial commands`,
      both: play(twenty((n) => `    - { name: c${n}, command: "true" }\n`)),
    },
    fresh: { name: `${TASKS} new templates`, both: templates, fresh: true },
    templates: { name: `${TASKS} unchanged templates`, both: templates },
    copy: {
      name: 'a 100 MB copy',
      both: play(`    - { name: big, copy: { src: ${big}, dest: "{{ files }}/big", mode: "0644" } }\n`),
      fresh: true,
    },
  };
  const written = await Promise.all(
    Object.entries(bodies).map(async ([key, { name, both, fresh = false }]) => {
      const file = join(directory, `${key}.yml`);
      await writeFile(file, both);
      return [key, { name, fresh, pitr: file, ansible: file }] as const;
    }),
  );
  return Object.fromEntries(written) as Record<WorkloadName, Workload>;
}
