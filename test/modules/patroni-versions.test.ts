import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { askPause } from '../../lib/recovery/patroni/rest.ts';
import { localPlayground } from './playground.ts';

/** What a patronictl of these words and this end answers about a pause. */
async function pauseBy(showConfig: string, version: string): Promise<string> {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  await mkdir(join(dir, 'bin'));
  const text = `#!/bin/sh\ncase "$*" in *show-config*) ${showConfig} ;; version) ${version} ;; esac\n`;
  await writeFile(join(dir, 'bin/patronictl'), text, { mode: 0o755 });
  const { PATH } = process.env;
  try {
    process.env.PATH = `${dir}/bin:${PATH}`;
    const answer = await askPause(play.host(), { port: 8008, config: '/etc/patroni/patroni.yml' });
    return `${answer?.code} ${answer?.body}`.trim();
  } finally {
    Object.assign(process.env, { PATH });
  }
}

const TOLD = "printf 'ttl: 30\\npause: true\\n'";
const NONE_3 = `echo "AttributeError: 'NoneType' object has no attribute 'data'" >&2; exit 1`;

it.each([
  ['of the lab, Patroni 3.0.2: a configuration with a pause', TOLD, 'exit 1', '200 true'],
  ["replayed from Debian's Patroni 3.0.2: no configuration in the DCS", NONE_3, 'exit 1', '200 false'],
  [
    "replayed from Debian's Patroni 4.0.7: no configuration in the DCS",
    'exit 0',
    'echo patronictl version 4.0.7',
    '200 false',
  ],
  [
    "replayed from Debian's Patroni 4.1.5: no configuration in the DCS",
    'exit 0',
    'echo patronictl version 4.1.5',
    '200 false',
  ],
  ['of something else that says nothing', 'exit 0', 'exit 0', '0'],
  ['of a DCS that does not answer', 'exit 1', 'echo patronictl version 4.1.5', '0'],
])('whether a cluster is paused, %s', async (_, showConfig, version, expected) => {
  expect(await pauseBy(showConfig, version)).toBe(expected);
});
