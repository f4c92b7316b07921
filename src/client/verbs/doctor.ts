/** `innernet doctor`: goes through what can be wrong with a network on this machine, and says what to do. */
import type { GlobalOptions } from '../../cli/options.ts';
import { answer, answerJson, paint } from '../../cli/print.ts';
import { printable } from '../../domain/rejection.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { type Finding, STEPS } from './examination.ts';
import { Patient } from './patient.ts';

export type DoctorOptions = GlobalOptions & { json?: true | undefined };

/** Prints a finding for each step; exit code 1 where one failed. Throws a `Failure` when it is not installed. */
export const doctor = async (network: InterfaceName, options: DoctorOptions): Promise<void> => {
  const patient = await Patient.of(network, options);
  const findings: Finding[] = [];
  try {
    for (const { step, needs, look } of STEPS) {
      const missing = needs?.find((need) =>
        findings.some((found) => found.step === need && ['failed', 'skipped'].includes(found.grade)),
      );
      const finding = missing
        ? { grade: 'skipped' as const, found: `not looked at: ${missing} comes first` }
        : await look(patient).catch(failing);
      findings.push({ step, ...finding });
      if (!options.json) answer(lineOf({ step, ...finding }));
    }
  } finally {
    patient.close();
  }
  if (options.json) answerJson(findings);
  const failed = findings.find(({ grade }) => grade === 'failed');
  if (failed) process.exitCode = 1;
  if (!options.json) answer(verdictOf(failed));
};

const failing = (error: unknown): Omit<Finding, 'step'> => ({
  grade: 'failed',
  found: error instanceof Error ? error.message : String(error),
  hint: error instanceof Failure ? error.hint : undefined,
});

const SIGNS = {
  ok: ['green', 'ok'],
  warning: ['yellow', 'look'],
  failed: ['red', 'FAILED'],
  skipped: ['dim', '-'],
} as const;

const lineOf = ({ step, grade, found, hint }: Finding): string => {
  const [style, sign] = SIGNS[grade];
  const line = `${paint(style, sign.padEnd(6))}  ${step.padEnd(9)}  ${printable(found)}`;
  return hint ? `${line}\n${' '.repeat(19)}try: ${printable(hint)}` : line;
};

const verdictOf = (failed: Finding | undefined): string =>
  failed ? `the first thing to mend is: ${failed.step}` : 'nothing is wrong that can be seen from here';
