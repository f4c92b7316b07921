/** The steps of both programs' `doctor`: findings, hints and the verdict. */
import { printable } from '../domain/rejection.ts';
import { Failure } from '../values/failure.ts';
import type { GlobalOptions } from './options.ts';
import { answer, answerJson, paint } from './print.ts';

/** `skipped`: unknown, because an earlier step failed. */
type Grade = 'ok' | 'warning' | 'failed' | 'skipped';

type Finding = { step: string; grade: Grade; found: string; hint?: string | undefined };

export type Look = Omit<Finding, 'step'>;

export type ExaminationStep<P> = {
  step: string;
  needs?: readonly string[];
  look: (patient: P) => Promise<Look>;
};

export type DoctorOptions = GlobalOptions & { json?: true | undefined };

export const ok = (found: string): Look => ({ grade: 'ok', found });
export const warning = (found: string, hint?: string): Look => ({ grade: 'warning', found, hint });
export const failed = (found: string, hint: string): Look => ({ grade: 'failed', found, hint });

/** Prints a finding for each step; exit code 1 if one failed. */
export const examine = async <P>(
  steps: readonly ExaminationStep<P>[],
  patient: P,
  options: DoctorOptions,
): Promise<void> => {
  const findings: Finding[] = [];
  for (const { step, needs, look } of steps) {
    const missing = needs?.find((need) =>
      findings.some((found) => found.step === need && ['failed', 'skipped'].includes(found.grade)),
    );
    const finding = missing
      ? { grade: 'skipped' as const, found: `not looked at: ${missing} comes first` }
      : await look(patient).catch(failing);
    findings.push({ step, ...finding });
    if (!options.json) answer(lineOf({ step, ...finding }));
  }
  if (options.json) answerJson(findings);
  const bad = findings.find(({ grade }) => grade === 'failed');
  if (bad) process.exitCode = 1;
  if (!options.json) answer(verdictOf(bad));
};

const failing = (error: unknown): Look => ({
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
  const line = `${paint(style, sign.padEnd(6))}  ${step.padEnd(10)}  ${printable(found)}`;
  return hint ? `${line}\n${' '.repeat(20)}try: ${printable(hint)}` : line;
};

const verdictOf = (bad: Finding | undefined): string =>
  bad ? `fix first: ${bad.step}` : 'nothing is wrong that can be seen from here';
