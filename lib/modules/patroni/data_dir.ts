import { z } from 'zod';
import { type Change, defineModule } from '../../contract/module.ts';
import { mayTouch } from '../../contract/newer-changes.ts';
import {
  changeable,
  mayWriteBack,
  readDataSetting,
  writeDataSetting,
} from '../../recovery/patroni/data-setting.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import { absolutePath, instanceParams } from '../../recovery/postgres/params.ts';

const params = z.strictObject({
  to: absolutePath.describe('the data directory from now on'),
  pgdata: instanceParams.pgdata.describe('the data directory until now'),
  config: patroniParams.config.describe("Patroni's configuration: a file, or a directory of such"),
});

type Params = z.output<typeof params>;

interface DataDirChange extends Change {
  readonly config: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const module = defineModule({
  summary: "Lets a member's configuration name another data directory.",
  description:
    'Changes the one value postgresql.data_dir and nothing around it: comments, quotes, owner and mode of the file stay. ' +
    "What Patroni's own way to read it then finds is proved. Patroni takes it with its next start. What else of the file " +
    'there is, passwords among it, does not leave the host.',
  examples: `- patroni.data_dir:
    to: "{{ pgdata }}/data"`,
  params,
  returns: { data_dir: 'what it names now', file: 'the file that says so' },
  read: async (host, { config, pgdata, to }: Params) => readDataSetting(host, config, pgdata, to),
  plan: (state, { config, pgdata, to }): DataDirChange | undefined => {
    if (state.place === 'to') return undefined;
    const { file, said } = changeable(state, config, pgdata);
    return {
      summary: `let data_dir of ${file} say ${to}`,
      diff: [{ subject: file, before: `data_dir: ${said}\n`, after: `data_dir: ${to}\n` }],
      config,
      file,
      from: said,
      to,
    };
  },
  unchanged: ({ said, file }) => ({ data_dir: said, file }),
  predict: ({ file, to }) => ({ result: { data_dir: to, file } }),
  apply: async (host, { config, file, from, to }) => {
    await writeDataSetting(host, config, from, to);
    return { data_dir: to, file };
  },
  undo: async (host, change) => {
    await mayWriteBack(host, change);
    await writeDataSetting(host, change.config, change.to, change.from);
  },
  mayUndo: async (host, change, _context, newer) => {
    if (!mayTouch(newer, host.name, change.file)) await mayWriteBack(host, change);
  },
  undoShown: ({ file, from }) => [`lets data_dir of ${file} say ${from}`],
});
