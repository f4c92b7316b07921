// The order of test files: those that take longest begin first, so that none of them runs alone at the end.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Vitest knows how long a file takes only after its first run; before it takes big ones for long. */
const LONGEST = [
  'test/e2e/examples.test.ts',
  'test/e2e/soak.test.ts',
  'test/e2e/nat.test.ts',
  'test/e2e/client.test.ts',
  'test/e2e/hostile-peer.test.ts',
  'test/e2e/victim.test.ts',
  'test/e2e/demo.test.ts',
  'test/e2e/full-disk.test.ts',
  'test/e2e/browser.test.ts',
  'test/e2e/doctor.test.ts',
  'test/e2e/lying-server.test.ts',
];

const rank = ({ moduleId }: TestSpecification): number => {
  const place = LONGEST.findIndex((path) => moduleId.endsWith(path));
  return place === -1 ? LONGEST.length : place;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}
