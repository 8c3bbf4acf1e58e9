import { z } from 'zod';
import { absolutePath } from '../fs/paths.ts';
import { lockFileName } from './lock-resource.ts';

/** Longest name of a file, less what is added to it. */
const LONGEST_FILE_NAME = 240;

const printable = (text: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(text);

/** The params that say which lock is meant. */
export const lockParams = {
  name: z
    .string()
    .min(1)
    .refine(printable, 'expected a name without control characters')
    .refine((name) => lockFileName(name).length <= LONGEST_FILE_NAME, 'is too long for the name of a file')
    .describe(
      'the name of the lock: what must not be worked on by two at once, such as {{ patroni_cluster }}',
    ),
  user: z
    .string()
    .default('barman')
    .describe('the OS user that keeps it on the host; all who share the lock must come by as the same')
    .meta({ variable: 'barman_user' }),
  directory: absolutePath
    .refine(printable, 'expected a path without control characters')
    .optional()
    .describe('where it is kept; left out: .pitr in the home of that user. Must be its own, mode 0700')
    .meta({ variable: 'lock_directory' }),
  allow: z
    .union([z.string(), z.array(z.string())])
    .default([])
    .describe('runs whose claim may be taken over: those whose leftovers this one is about'),
  break: z
    .string()
    .optional()
    .describe(
      'a run whose claim is broken on purpose; its exact id. A resumed run does not take it from before',
    )
    .meta({ variable: 'break_lock', once: true }),
};

export function listOf(allow: string | readonly string[]): readonly string[] {
  return typeof allow === 'string' ? [allow] : allow;
}
