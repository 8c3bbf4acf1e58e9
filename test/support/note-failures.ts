import { afterEach } from 'vitest';
import { labFiles } from '../../lab/checkout.ts';
import { prefixFrom } from '../../lab/lab.ts';
import { noteFailure } from './after-failure.ts';

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail')
    await noteFailure({ files: labFiles(prefixFrom(process.env)) }, task.name);
});
