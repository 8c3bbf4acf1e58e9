import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.e2e.test.ts', 'test/**/*.long.test.ts', 'test/**/*.smoke.test.ts'],
          testTimeout: 20_000,
          // Files share what they import: four times faster. Each leaves the process as it found it.
          isolate: false,
        },
      },
      {
        test: {
          name: 'smoke',
          include: ['test/**/*.smoke.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          globalSetup: ['test/support/lab-setup.ts'],
          setupFiles: ['test/support/note-failures.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'long',
          include: ['test/**/*.long.test.ts'],
          exclude: ['test/metal/**'],
          globalSetup: ['test/support/lab-setup.ts'],
          setupFiles: ['test/support/note-failures.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'metal',
          include: ['test/metal/**/*.long.test.ts'],
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
