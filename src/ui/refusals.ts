/** Errors as the page shows them: a sentence, a hint, and the command line that would help. */
import { explain, Rejected } from '../domain/rejection.ts';
import type { PageRefusal } from '../protocol/page.ts';
import { Failure } from '../values/failure.ts';

/** Of a suggested verb, such as `rename-peer --name bob`, on this network. */
export type Suggest = (verb: string) => string;

const FAULT: PageRefusal = {
  sentence: 'internal error: this is a fault of the program, not of yours',
  hint: 'the terminal that started it says more',
};

const withHelp = (
  sentence: string,
  {
    hint,
    verb,
    background,
  }: { hint?: string | undefined; verb?: string | undefined; background?: string | undefined },
  suggest: Suggest,
): PageRefusal => {
  const said = [background, hint].filter((part) => part !== undefined).join('; ');
  return { sentence, ...(said ? { hint: said } : {}), ...(verb ? { commandLine: suggest(verb) } : {}) };
};

/** Undefined: a bug. */
const knownRefusal = (error: unknown, suggest: Suggest): PageRefusal | undefined => {
  if (error instanceof Rejected) {
    const { sentence, ...help } = explain(error.rejection);
    const { code } = error.rejection;
    return { ...withHelp(sentence, { ...help, background: error.background }, suggest), code };
  }
  if (error instanceof Failure) return withHelp(error.message, error, suggest);
  return undefined;
};

/** `onBug` gets what nobody foresaw. */
export const refusalOf = (error: unknown, suggest: Suggest, onBug: (error: unknown) => void): PageRefusal => {
  const known = knownRefusal(error, suggest);
  if (!known) onBug(error);
  return known ?? FAULT;
};
