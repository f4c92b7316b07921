/** What went wrong with one of several networks: the others are done all the same. */
import { note } from '../../cli/print.ts';
import { printable } from '../../domain/rejection.ts';
import { Failure } from '../../values/failure.ts';

/** Says what went wrong, as the end of a program would. */
export const tellOf = (error: unknown): void => {
  note(`innernet: error: ${printable((error as Error).message)}`);
  if (error instanceof Failure && error.hint) note(`innernet: hint: ${printable(error.hint)}`);
};

/** Says all but the first, which it throws; nothing where nothing went wrong. */
export const throwFirst = (errors: readonly unknown[]): void => {
  const [first, ...others] = errors;
  for (const other of others) tellOf(other);
  if (first !== undefined) throw first;
};
