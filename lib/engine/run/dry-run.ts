import { findUnknown } from '../../base/values/unknown.ts';
import type { TaskJob, TaskOutcome } from '../task/task-job.ts';

const LONGEST_VALUE = 60;

/** What a task would be asked to do, with everything that needs no host filled in. */
export function describeDryRun({ task, module }: TaskJob, params: unknown, target: string): TaskOutcome {
  const given = Object.entries(Object(params))
    .filter(([name]) => Object.hasOwn(task.args.value, name))
    .map(([name, value]) => `${name}=${short(value)}`);
  const verb = module.kind === 'look' ? 'would look' : 'would run';
  return {
    status: 'unknown',
    result: {},
    summary:
      `${verb}: ${task.module} ${given.join(' ')}`.trimEnd() +
      (task.delegateTo === undefined ? '' : ` (on ${target})`),
  };
}

function short(value: unknown): string {
  const unknown = findUnknown(value);
  if (unknown !== undefined) return `<${unknown.why}>`;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = text.replaceAll('\n', '\\n');
  return line.length > LONGEST_VALUE ? `${line.slice(0, LONGEST_VALUE - 1)}…` : line;
}
