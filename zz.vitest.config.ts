import { defineConfig } from 'vitest/config';
// biome-ignore lint/style/noDefaultExport: scratch
export default defineConfig({ test: { include: ['test/modules/*.e2e.test.ts'], testTimeout: 90000, hookTimeout: 120000 } });
