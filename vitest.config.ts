/** Two projects: `unit` runs on any host, `nested` needs a real /dev/kvm (test/nested/README.md). */
import { defineConfig } from 'vitest/config';
import { IS_SOAK, isArmHost } from './test/support/environment.ts';

export default defineConfig({
  test: {
    projects: [
      // Some start programs, which takes its time where the machine is busy with others.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'nested',
          include: ['test/nested/**/*.test.ts'],
          globalSetup: ['test/nested/setup.ts'],
          setupFiles: ['test/nested/support/host-words.ts'],
          // Each worker has a host of its own (test/nested/setup.ts), which a real Arm machine has not.
          maxWorkers: IS_SOAK || isArmHost() ? 1 : 2,
          testTimeout: 120_000,
          hookTimeout: 1_800_000,
          // The machines are shared: a test that a busy moment broke may try once more, and is reported as retried.
          retry: 1,
        },
      },
    ],
  },
});
