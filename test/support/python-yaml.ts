import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A Python of this machine that reads YAML, as Patroni's own can, as far as that is JSON. Until it is disposed of. Whether
 * the machine has Python's own library for that does not matter then.
 */
export async function pythonYaml() {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-python-'));
  await writeFile(
    join(directory, 'yaml.py'),
    'import json\n\ndef safe_load(text):\n    return json.load(text)\n',
  );
  const before = process.env.PYTHONPATH;
  process.env.PYTHONPATH = directory;
  return {
    [Symbol.asyncDispose]: async () => {
      if (before === undefined) delete process.env.PYTHONPATH;
      else process.env.PYTHONPATH = before;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
