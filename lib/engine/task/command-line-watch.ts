import type { TaskJob } from './task-job.ts';

/**
 * Looks at the words of commands before they run, and warns once a task where a secret is among them: every user of the
 * host sees them in its list of processes.
 */
export function commandLineWatch(
  { run, task, ref }: TaskJob,
  host: string,
): (argv: readonly string[]) => void {
  return (argv) => {
    if (run.warnedOf.has(task.id)) return;
    const names = [...new Set(argv.flatMap((word) => run.masker.secretsIn(word)))];
    if (names.length === 0) return;
    run.warnedOf.add(task.id);
    const { file, line } = task.at;
    const [first = 'secret'] = names;
    const variable = /^\w+$/.test(first) ? first : 'secret';
    run.emit({
      type: 'warning',
      time: Date.now(),
      text: `"${ref.name}" (${file}:${line}) puts ${names.join(' and ')} on a command line, where every user of the host can read it while the command runs. Hand it over in the environment of the task (environment: { ${variable.toUpperCase()}: "{{ ${variable} }}" }, and $${variable.toUpperCase()} in the script) or by stdin.`,
      host,
      task: ref,
    });
  };
}
