/** Refusals that the page itself gives, and errors as it shows them. */
import { Gone, Refused } from './door.ts';
import type { PageRefusal } from './page.ts';

export const GONE: PageRefusal = {
  sentence: 'the program that showed this page has ended, or does not know this tab',
};

export const ADMINS_ONLY: PageRefusal = {
  sentence: 'only an admin may ask about the whole network, and change it',
  hint: 'this machine is shown what it sees itself',
};

export const refusalIn = (error: unknown): PageRefusal => {
  if (error instanceof Refused) return error.refusal;
  if (error instanceof Gone) return GONE;
  return { sentence: `the page has a fault: ${(error as Error)?.message ?? String(error)}` };
};
