import { delimiter, dirname } from 'node:path';
import { defineConfig } from 'vitest/config';

/** End-to-end suites on hosts of their own (this machine, containers, SSH servers): they run beside those on the lab. */
const WITHOUT_LAB = [
  'test/cli/built.e2e.test.ts',
  'test/engine/another-machine.e2e.test.ts',
  'test/modules/fs-service.e2e.test.ts',
  'test/recovery/at-work.e2e.test.ts',
  'test/secrets/canaries.e2e.test.ts',
  'test/transport/*.e2e.test.ts',
];

/**
 * The system's programs, as hosts have them, before those of version managers: a `python3` of pyenv starts a dozen others
 * first. The Node.js that runs this stays the one that tests start.
 */
const SYSTEM_FIRST = {
  PATH: [dirname(process.execPath), '/usr/sbin', '/usr/bin', '/sbin', '/bin', process.env.PATH].join(
    delimiter,
  ),
};

/** Keeps the files of a failed test, which it would remove itself. */
const KEEPS_LEFT = 'test/support/keep-left-of-failed.ts';
const LEAVES_AS_FOUND = 'test/support/leaves-as-found.ts';
const SAME_DRAWS = 'test/support/same-draws.ts';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.e2e.test.ts', 'test/**/*.long.test.ts', 'test/**/*.smoke.test.ts'],
          env: SYSTEM_FIRST,
          setupFiles: [LEAVES_AS_FOUND, SAME_DRAWS, KEEPS_LEFT],
          // The first file of a worker pays for what all of them import.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Files share what they import: four times faster. Each leaves the process as it found it.
          isolate: false,
        },
      },
      {
        test: {
          name: 'smoke',
          include: ['test/**/*.smoke.test.ts'],
          setupFiles: [KEEPS_LEFT],
          testTimeout: 60_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'hosts',
          include: WITHOUT_LAB,
          globalSetup: ['test/support/hosts-setup.ts'],
          setupFiles: [KEEPS_LEFT],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          exclude: WITHOUT_LAB,
          globalSetup: ['test/support/lab-setup.ts'],
          setupFiles: ['test/support/note-failures.ts', KEEPS_LEFT],
          fileParallelism: false,
          // A whole recovery takes a minute, and nine on a machine whose programs start five times slower.
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
        },
      },
      {
        test: {
          name: 'long',
          include: ['test/**/*.long.test.ts'],
          exclude: ['test/metal/**'],
          globalSetup: ['test/support/lab-setup.ts'],
          setupFiles: ['test/support/note-failures.ts', KEEPS_LEFT],
          fileParallelism: false,
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
        },
      },
      {
        test: {
          name: 'metal',
          include: ['test/metal/**/*.long.test.ts'],
          globalSetup: ['test/metal/metal-setup.ts'],
          setupFiles: ['test/support/note-failures.ts', KEEPS_LEFT],
          fileParallelism: false,
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
        },
      },
    ],
  },
});
