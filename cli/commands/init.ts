import { resolve } from 'node:path';
import { type Reach, readReach } from '../../lib/recovery/discovery/reach.ts';
import { defineCommand } from '../command.ts';
import { INVENTORY_OPTIONS, OUTPUT_OPTIONS } from '../common-options.ts';
import { readExtraVars } from '../extra-vars.ts';
import { writeNew } from '../init/write-new.ts';
import { withPlainSession } from '../plain-session.ts';
import { oneLine } from '../text.ts';
import { usageError } from '../usage-error.ts';
import { type Prompt, promptOn } from '../wizard/prompt.ts';

const DEFAULT_FILE = 'inventory.yml';

export const init = defineCommand({
  name: 'init',
  summary: 'Write the inventory of a cluster, found out from one of its nodes',
  description: [
    'Asks one node for its cluster, then every member and Barman, and writes an inventory that the playbooks run with: how hosts are reached, directories, ports, users, services, Barman and its servers, and how Barman and the nodes log in to each other (tried, both ways). Changes nothing on any host.',
    'What could not be learned is a line to fill in, with the reason. On a terminal pitr asks for hosts that it does not find; with --yes it asks nothing.',
    'WHERE is docker:CONTAINER, [user@]host[:port], or a name of ~/.ssh/config. Members and Barman are looked for by the names that the cluster has for them; who answers has to prove to be the one.',
  ],
  arguments: [],
  options: {
    from: { value: 'where', text: 'A node of the cluster, whichever.' },
    host: {
      value: 'name=where',
      repeat: true,
      text: 'How a member is reached, where that is not by its own name: db2=docker:pg-2. May be given several times.',
    },
    barman: { value: 'where', text: 'How the host of Barman is reached.' },
    out: {
      short: 'o',
      value: 'file',
      text: `The file to write; ${DEFAULT_FILE} without it, "-" for stdout.`,
    },
    force: { text: 'Overwrite the file.' },
    'extra-vars': {
      short: 'e',
      value: 'vars',
      repeat: true,
      text: 'How all hosts are reached, as in an inventory: ansible_become=true, ansible_ssh_private_key_file=..., pitr_jump=... They are written into the inventory. patroni_config=... is where Patroni is configured, if its process does not tell, or several run on a host.',
    },
    'ask-become-pass': INVENTORY_OPTIONS['ask-become-pass'],
    yes: { short: 'y', text: 'Ask nothing.' },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { text: 'Containers', command: 'pitr init --from docker:pitr-lab-db1 -o lab.yml --yes' },
    {
      text: 'Hosts, with a login that becomes root by sudo',
      command: 'pitr init --from deploy@pg1.example.com -e ansible_become=true',
    },
    {
      text: 'Through ports of one address',
      command: 'pitr init --from root@lab:2201 --host db2=root@lab:2202 --barman root@lab:2209',
    },
  ],
  run: ({ options }, io) =>
    withPlainSession(options, io, async (session) => {
      const { signal } = session.interrupts;
      // Where the inventory goes into a file or a pipe by the shell, there is nobody to ask on the screen.
      const asks = !options.yes && io.stdin.isTTY === true && io.stdout.isTTY === true;
      const prompt = asks ? promptOn(io, signal) : undefined;
      const from = await firstNode(options.from, prompt);
      const variables = await readExtraVars(options, io);
      const { discoverCluster } = await import('../init/discover-cluster.ts');
      const { provingCommand } = await import('../init/proving-command.ts');
      const { renderInventory } = await import('../init/render-inventory.ts');
      const { site, common, secrets } = await discoverCluster({
        from,
        hosts: new Map(options.host.map(namedReach)),
        barman: options.barman === undefined ? undefined : reachOf('--barman', options.barman),
        variables,
        cwd: io.cwd,
        masker: io.masker,
        askPassphrase: session.askPassphrase,
        signal,
        ask: (name, why) => askReach(prompt, name, why),
      });
      const { text, toFillIn } = renderInventory(site, common);
      const path = options.out ?? DEFAULT_FILE;
      if (path === '-') io.stdout.write(text);
      else await writeNew(resolve(io.cwd, path), path, text, options.force);
      session.emit({ type: 'inventory', file: path, cluster: site.cluster, to_fill_in: toFillIn });
      const say =
        path === '-' ? (lines: readonly string[]) => io.stderr.write(`${lines.join('\n')}\n`) : session.print;
      say([
        oneLine(
          `The cluster ${site.cluster}: ${site.members.map(({ name }) => name).join(', ')}${path === '-' ? '' : `. Written: ${path}`}`,
        ),
        ...toFillIn.map(({ host, name, why }) =>
          oneLine(`To fill in: ${name}${host === undefined ? '' : ` of ${host}`} (${why})`),
        ),
        ...(path === '-' ? [] : [`Prove it: ${provingCommand(path, secrets)}`]),
      ]);
      return 0;
    }),
});

async function firstNode(typed: string | undefined, prompt: Prompt | undefined): Promise<Reach> {
  if (typed !== undefined) return reachOf('--from', typed);
  if (prompt === undefined) {
    throw usageError('init-needs-node', 'pitr init needs a node of the cluster to ask: --from <where>', {
      next: ['pitr init --from docker:pg1', 'pitr init --from deploy@pg1.example.com -e ansible_become=true'],
    });
  }
  for (;;) {
    const answer = await prompt.ask(
      'A node of the cluster (docker:CONTAINER, user@host:port, or a name of ~/.ssh/config)',
    );
    const reach = readReach(answer);
    if (reach !== undefined) return reach;
    prompt.say([`"${answer}" is none of these.`]);
  }
}

function reachOf(option: string, typed: string): Reach {
  const reach = readReach(typed);
  if (reach !== undefined) return reach;
  throw usageError(
    'where-invalid',
    `${option} needs docker:CONTAINER or [user@]host[:port], not ${JSON.stringify(typed)}`,
  );
}

function namedReach(typed: string): readonly [string, Reach] {
  const equals = typed.indexOf('=');
  if (equals > 0) return [typed.slice(0, equals), reachOf('--host', typed.slice(equals + 1))];
  throw usageError(
    'where-invalid',
    `--host needs a member and how it is reached, db2=deploy@10.0.0.12, not ${JSON.stringify(typed)}`,
  );
}

async function askReach(prompt: Prompt | undefined, name: string, why: string): Promise<Reach | undefined> {
  if (prompt === undefined) return undefined;
  prompt.say([`${name} is not reached. ${why}.`]);
  for (;;) {
    const answer = await prompt.ask(`How is ${name} reached (nothing: leave it to be filled in)`, '');
    if (answer === '') return undefined;
    const reach = readReach(answer);
    if (reach !== undefined) return reach;
    prompt.say([`"${answer}" is neither docker:CONTAINER nor [user@]host[:port].`]);
  }
}
