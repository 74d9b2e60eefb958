import { defineConfig } from 'vitest/config';

const alias = {
  'mptcpd/plugin': new URL('./src/plugin-api/index.ts', import.meta.url).pathname,
  'mptcpd/testing': new URL('./src/testing/index.ts', import.meta.url).pathname,
};

const scenarios = 'test/scenarios/*.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'examples/**/*.test.ts', 'test/*.test.ts'],
        },
      },
      {
        resolve: { alias },
        test: { name: 'scenario', include: [scenarios], env: { MPTCPD_WORLD: 'fake' } },
      },
      {
        resolve: { alias },
        test: {
          name: 'kernel',
          include: [scenarios, 'test/kernel/*.test.ts', 'test/parity/*.test.ts'],
          env: { MPTCPD_WORLD: 'kernel' },
          globalSetup: 'test/kernel/setup.ts',
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
    ],
  },
});
