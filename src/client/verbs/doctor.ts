/** `innernet doctor`: checks a network on this machine and says what to do. */
import { type DoctorOptions, examine } from '../../cli/examining.ts';
import type { InterfaceName } from '../../values/name.ts';
import { STEPS } from './examination.ts';
import { Patient } from './patient.ts';

/** Prints a finding a step; exit code 1 if one failed. Throws a `Failure` when not installed. */
export const doctor = async (network: InterfaceName, options: DoctorOptions): Promise<void> => {
  const patient = await Patient.of(network, options);
  try {
    await examine(STEPS, patient, options);
  } finally {
    patient.close();
  }
};
