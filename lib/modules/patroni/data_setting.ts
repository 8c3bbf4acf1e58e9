import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { readDataSetting } from '../../recovery/patroni/data-setting.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import { absolutePath, instanceParams } from '../../recovery/postgres/params.ts';

const params = z.strictObject({
  to: absolutePath.describe('where the data is to be'),
  pgdata: instanceParams.pgdata.describe('where the data is'),
  config: patroniParams.config.describe("Patroni's configuration: a file, or a directory of such"),
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Tells what a member says of its data directory, and whether patroni.data_dir can change it.',
  description:
    'The file is read as Patroni reads it, and the environment of the Patroni that runs with it: that wins over the file. ' +
    'Of other keys that name the data directory the names are told, and not the values.',
  examples: `- patroni.data_setting:
    to: "{{ pgdata }}/data"
  register: setting
- core.assert:
    that: setting.place == "from" && setting.times == 1`,
  params,
  returns: {
    place: 'from: it names where the data is; to: where it is to be; other: neither',
    said: 'what it names; absent where it names nothing',
    file: 'the file that says so; absent where it is not written exactly once',
    times: 'how often it is written',
    environment: 'the variables of its environment that win over the file; unknown where that cannot be read',
    mentions: 'what else names the directory, or a place in it: keys and variables',
  },
  read: async (host, { config, pgdata, to }: Params) => ({
    ...(await readDataSetting(host, config, pgdata, to)),
  }),
});
