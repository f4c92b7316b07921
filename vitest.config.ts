// Sets of tests: unit (in seconds, no root needed), e2e (real programs, real namespaces), slow (the same, where a minute
// must pass), package (what is published, installed on machines of its own), interop (the same as e2e, with innernet's own
// programs; run on demand by scripts/interop.js) and kernel (the package in a virtual machine; run on demand by
// scripts/test-kernel.js). Where sets are mixed, one follows the other.
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';
import { Progress } from './test/progress.ts';

const { TEST_REPORTS, CI } = process.env;

/** Real hosts on a machine that others use too: CI tries a failing test once more, and names it at its end. */
const retry = CI ? 1 : 0;

/** Beside what they test, but they start programs or wait for disks: too slow for `npm run check`. */
const slow = [
  'test/server/restore.test.ts',
  'test/server/move-log.test.ts',
  'test/server/import.test.ts',
  'test/server/export.test.ts',
  'test/cli/terminal.test.ts',
];

const json = (outputFile: string): ['json', { outputFile: string }] => ['json', { outputFile }];

export default defineConfig({
  test: {
    // CI counts tests from these files; a run is one process, so its id keeps two runs apart.
    reporters: [
      'default',
      new Progress(),
      ...(TEST_REPORTS ? [json(join(TEST_REPORTS, `${process.pid}.json`))] : []),
    ],
    sequence: { sequencer: LongestFirst },
    // What takes shorter is not named: programs start and end in most tests.
    slowTestThreshold: 10_000,
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: ['test/**/*.test.ts'],
          exclude: ['e2e', 'torture', 'slow', 'interop', 'package', 'kernel']
            .map((set) => `test/${set}/**`)
            .concat(slow),
          globalSetup: ['test/build.ts'],
          // Modules are loaded once a process, not once a file: half of the time went there.
          isolate: false,
          maxWorkers: 2,
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'e2e',
          sequence: { groupOrder: 1 },
          include: ['test/e2e/**/*.test.ts', 'test/torture/**/*.test.ts', ...slow],
          globalSetup: ['test/build.ts'],
          // Each has a lab of its own. A file keeps two fifths of a core busy: it waits for programs, packets and clocks.
          maxWorkers: 4,
          isolate: false,
          testTimeout: 120_000,
          retry,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'slow',
          sequence: { groupOrder: 2 },
          include: ['test/slow/**/*.test.ts'],
          globalSetup: ['test/build.ts'],
          fileParallelism: false,
          testTimeout: 360_000,
          hookTimeout: 120_000,
          retry,
        },
      },
      {
        test: {
          name: 'package',
          sequence: { groupOrder: 3 },
          include: ['test/package/**/*.test.ts'],
          fileParallelism: false,
          retry,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'interop',
          sequence: { groupOrder: 4 },
          include: ['test/interop/**/*.test.ts'],
          globalSetup: ['test/build.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'kernel',
          sequence: { groupOrder: 5 },
          include: ['test/kernel/**/*.test.ts'],
          // Each step builds on the one before it, on an emulated processor.
          bail: 1,
          testTimeout: 1_200_000,
        },
      },
    ],
  },
});
