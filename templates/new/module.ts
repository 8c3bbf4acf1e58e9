import { type Change, defineModule, known, predictedText, readText, z } from 'pitr/module';

const params = z.strictObject({
  path: z.string().describe('the file; made when it is not there'),
  line: z.string().describe('the line that the file must hold'),
});

type Params = z.output<typeof params>;

/** Plain JSON: the journal keeps it, and `undo` works from it alone, perhaps days later. */
interface AddLine extends Change {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string;
}

export const module = defineModule({
  summary: 'Keeps a line in a file.',
  examples: '- FAMILY.NAME: { path: /etc/motd, line: Maintenance until noon }',
  params,
  returns: { path: 'the file' },

  // The present state. The host can only be looked at here, so that --check never writes.
  read: async (host, p: Params) => known(await readText(host, p.path)),

  // Pure: the change that leads to the wanted state, or nothing when it is so already.
  plan: (now, { path, line }): AddLine | undefined => {
    if (now?.split('\n').includes(line)) return undefined;
    const after = `${now ?? ''}${line}\n`;
    return {
      summary: `add a line to ${path}`,
      diff: [{ subject: path, before: now ?? '', after }],
      path,
      before: now,
      after,
    };
  },

  // For --check: what the change would leave behind, so that later tasks see it.
  predict: (change) => ({
    resources: [predictedText(change.path, change.after)],
    result: { path: change.path },
  }),

  apply: async (host, change) => {
    await host.writeFile(change.path, change.after, { mode: 0o644 });
    return { path: change.path };
  },

  // Must be safe to run twice, and after a change that was only half made.
  undo: async (host, change) => {
    if (change.before === undefined) await host.must(['rm', '-f', '--', change.path]);
    else await host.writeFile(change.path, change.before, { mode: 0o644 });
  },
});
