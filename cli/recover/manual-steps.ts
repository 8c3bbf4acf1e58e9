import { commandLine } from '../../lib/transport/quote.ts';
import { applySteps } from './apply-steps.ts';
import type { ManualPlan, ManualSteps } from './manual-step.ts';
import { StepCommands } from './step-commands.ts';
import { takeOverSteps } from './take-over-steps.ts';

/** The steps that apply prepared files by hand, with this inventory's own names, paths and ports. */
export function manualSteps(plan: ManualPlan): ManualSteps {
  const { site, node, leader, prepared, secrets } = plan;
  const { name, pgdata } = node;
  const commands = new StepCommands(plan);
  const commit = commandLine(['pitr', 'commit', prepared.runId, ...secrets]);
  const letsGo = `The backup and its WAL are held in Barman against its retention policy until: ${commit}`;
  // A node that leads gives the leadership up by the first steps: who leads after that is not known here.
  const leads = site.nodes.find((one) => one.name === leader && one !== node);
  const replicas = site.nodes.filter((one) => one !== node && one !== leads);
  const others = [...replicas, ...(leads === undefined ? [] : [leads])];

  return {
    apply: applySteps(plan, commands, leads ?? replicas[0] ?? node),
    back: [
      {
        title: 'The way back: the old data returns to its place',
        notes: ['Up to here everything can be taken back.', letsGo],
        commands: [
          commands.stopIsolated(),
          commands.move(node, pgdata, `${pgdata}.recovered.${prepared.runId}`),
          commands.move(node, commands.kept(node), pgdata),
          commands.service(node, 'start'),
          commands.list(node, { expected: `${name} is a replica that streams` }),
        ],
      },
    ],
    takeOver: takeOverSteps(plan, commands, { others, leads }, letsGo),
  };
}
