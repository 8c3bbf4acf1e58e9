import { posix } from 'node:path';
import { z } from 'zod';
import { defineModule } from '../../contract/module.ts';
import { applyFile, mayUndoFile, undoFile } from '../../system/fs/file-apply.ts';
import { fileParams, wantedOf } from '../../system/fs/file-params.ts';
import {
  effectsOfFile,
  FILE_RETURNS,
  planFile,
  predictFile,
  unchangedFile,
} from '../../system/fs/file-plan.ts';
import { readFileState } from '../../system/fs/file-state.ts';

const params = z.strictObject({
  src: z
    .string()
    .describe("Handlebars template: beside the playbook, in its templates/, or one of pitr's own"),
  ...fileParams,
  vars: z.record(z.string(), z.unknown()).optional().describe('more variables, for this template alone'),
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Renders a template on the controller and puts the text onto the host.',
  description: "Rendered with the task's variables; like fs.copy in all else.",
  examples: `- fs.template:
    src: pgbouncer.ini.hbs
    dest: /etc/pgbouncer/pgbouncer.ini
    owner: postgres
    mode: "0640"`,
  params,
  returns: { ...FILE_RETURNS, backup_file: 'the copy of the old file, with backup: true' },
  read: async (host, p: Params, context) => {
    const text = await context.render(p.src, p.vars);
    const request = { ...p, name: posix.basename(p.src).replace(/\.(hbs|handlebars)$/, '') };
    return { ...(await readFileState(host, request, wantedOf(text), context)), text };
  },
  plan: (state, p) => {
    const change = planFile(state, { ...p, name: undefined });
    return change && { ...change, forApply: { text: state.text } };
  },
  unchanged: unchangedFile,
  effects: effectsOfFile,
  predict: predictFile,
  apply: (host, change) => applyFile(host, change, async () => change.forApply.text),
  undo: undoFile,
  mayUndo: mayUndoFile,
});
