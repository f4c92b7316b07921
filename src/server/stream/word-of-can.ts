/** What a program says that it knows of limits and phones. */
import type { Word } from '../../domain/views.ts';
import { LIMITS, PLAIN, saysCan } from '../../protocol/can.ts';

/** `can`: its names with commas. */
export const wordOfCan = (can: string | undefined): Word => {
  if (saysCan(can, LIMITS)) return 'limits';
  return saysCan(can, PLAIN) ? 'plain' : 'old';
};
