import { choose, type Prompt } from './prompt.ts';

type Extent = 'prepare' | 'inspect' | 'all';

/** How far the recovery goes. `yes`: nothing more is asked after this (`--yes`), which is said where it counts. */
export async function chooseExtent(prompt: Prompt, yes: boolean): Promise<Extent> {
  const asks = yes ? 'with --yes at once: it does not ask' : 'asks once more';
  prompt.say([
    '',
    '  1  prepare   put the restored data in its place on the node, start nothing',
    '  2  inspect   also start it, isolated, and replay to the moment; the rest of the cluster goes on serving',
    `  3  all       also make the whole cluster follow it (${asks})`,
    '',
  ]);
  return choose(
    prompt,
    'What to do',
    (['prepare', 'inspect', 'all'] as const).map((name) => ({ name, value: name })),
    2,
  );
}
