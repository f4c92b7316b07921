// How far a run of tests is, in a line now and then where no terminal shows it, and which tests needed a second try.
import type { Reporter, TestCase } from 'vitest/node';

const LINE_EVERY = 30_000;

/** Milliseconds as people say them: `45 s`, `3 min 5 s`. */
const inWords = (milliseconds: number): string => {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
};

export class Progress implements Reporter {
  readonly #start = performance.now();
  readonly #secondTries: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #files = { ended: 0, all: 0 };
  #tests = { passed: 0, failed: 0 };

  onTestRunStart(specifications: readonly unknown[]): void {
    this.#files.all = specifications.length;
    // On a terminal vitest itself shows what runs and how much is left.
    if (!process.stdout.isTTY) this.#timer = setInterval(() => this.#say(), LINE_EVERY);
  }

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result();
    if (state === 'skipped' || state === 'pending') return;
    this.#tests[state] += 1;
    if (state === 'passed' && test.diagnostic()?.flaky)
      this.#secondTries.push(`${test.module.relativeModuleId} > ${test.fullName}`);
  }

  onTestModuleEnd(): void {
    this.#files.ended += 1;
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
    for (const name of this.#secondTries) console.log(`test: passed at its second try: ${name}`);
  }

  #say(): void {
    const { ended, all } = this.#files;
    const { passed, failed } = this.#tests;
    const after = inWords(performance.now() - this.#start);
    console.log(`test: after ${after}: ${ended} of ${all} files, ${passed} tests passed, ${failed} failed`);
  }
}
