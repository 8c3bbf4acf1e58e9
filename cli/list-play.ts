import type { ListedPlay } from '../lib/engine/run/list.ts';
import type { RunRequest } from '../lib/engine/run/run-request.ts';
import type { OutputKind } from './display/choose.ts';
import { writeJson } from './display/json.ts';
import type { Io } from './io.ts';
import { plural } from './text.ts';

export type ListKind = 'list-tasks' | 'list-hosts' | 'list-tags' | 'syntax-check';

/** What a playbook would do, as far as no host is needed to tell. Gives the exit code. */
export async function listPlay(
  kind: ListKind,
  request: RunRequest,
  output: OutputKind | undefined,
  io: Io,
): Promise<number> {
  const { listPlaybook } = await import('../lib/engine/run/list.ts');
  const plays = await listPlaybook(request, io.masker);
  if (output === 'json') {
    for (const play of plays) writeJson(io.stdout, { type: 'listed.play', ...play });
    return 0;
  }
  const lines =
    kind === 'syntax-check'
      ? [
          `${request.playbook} is well formed: ${plural(plays.length, 'play')}, ${plural(taskCount(plays), 'task')}.`,
        ]
      : plays.flatMap((play) => playLines(kind, play));
  io.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

function taskCount(plays: readonly ListedPlay[]): number {
  return plays.reduce((sum, play) => sum + play.tasks.length, 0);
}

function playLines(kind: ListKind, play: ListedPlay): string[] {
  const head = `${play.play} [${play.hosts.join(' ')}]`;
  if (kind === 'list-hosts') return [play.play, ...play.hosts.map((host) => `  ${host}`)];
  if (kind === 'list-tags') return [play.play, `  ${play.tags.join(', ') || '(no tags)'}`];
  return [
    head,
    ...play.tasks.map((task) => {
      const tags = task.tags.length === 0 ? '' : `  [${task.tags.join(', ')}]`;
      return `  ${task.id.padEnd(8)} ${task.name}  (${task.module})${tags}`;
    }),
  ];
}
