import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Real clients that every checkout tries; the other engines need root and minutes. */
const CLIENTS = ['test/e2e/skopeo.test.ts', 'test/e2e/podman.test.ts'];
const MINUTE = 60_000;

/** Hours instead of minutes, see the scripts `test:faults:long` and `test:exact:long`. */
const isLong = process.env.STOWAGE_LONG === 'true';

/** For what comes in the end: machines under load are several times slower. */
const patient = { expect: { poll: { timeout: MINUTE / 2 } } };

/** Projects whose tests start engines, mounts or package managers: one file after the other. */
const heavy = {
  ...patient,
  fileParallelism: false,
  testTimeout: 5 * MINUTE,
  hookTimeout: 5 * MINUTE,
};
const long = { ...heavy, testTimeout: 0 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          ...patient,
          include: ['test/**/*.test.ts', 'bench/**/*.test.ts'],
          exclude: [
            'test/e2e/**',
            'test/exact/**',
            'test/faults/**',
            'test/fuzz/**',
            'test/packaging/**',
          ],
          maxWorkers: availableParallelism(),
          // So long that only what hangs ends by it: machines under load are several times slower.
          testTimeout: 2 * MINUTE,
          hookTimeout: 2 * MINUTE,
        },
      },
      {
        // After the unit tests, some of which measure time.
        test: { name: 'clients', include: CLIENTS, sequence: { groupOrder: 1 }, ...heavy },
      },
      { test: { name: 'engines', include: ['test/e2e/*.test.ts'], exclude: CLIENTS, ...heavy } },
      {
        test: { name: 'faults', include: ['test/faults/**/*.test.ts'], ...(isLong ? long : heavy) },
      },
      {
        test: {
          name: 'exact',
          include: ['test/{exact,fuzz}/*.test.ts'],
          ...(isLong ? long : heavy),
        },
      },
      {
        test: { name: 'packaging', include: ['test/packaging/{package,start}.test.ts'], ...heavy },
      },
      // Long forms: each takes minutes, and makes a Debian of its own.
      { test: { name: 'container', include: ['test/packaging/container.test.ts'], ...heavy } },
      {
        test: { name: 'clean-machine', include: ['test/packaging/clean-machine.test.ts'], ...long },
      },
    ],
  },
});
