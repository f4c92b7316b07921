/** Errors of several networks: one does not stop the others. */
import { note } from '../../cli/print.ts';
import { printable } from '../../domain/rejection.ts';
import { Failure } from '../../values/failure.ts';

/** Prints the error as the end of a program would. */
export const tellOf = (error: unknown): void => {
  note(`innernet: error: ${printable((error as Error).message)}`);
  if (error instanceof Failure && error.hint) note(`innernet: hint: ${printable(error.hint)}`);
};

/** Prints all errors but the first, which it throws. */
export const throwFirst = (errors: readonly unknown[]): void => {
  const [first, ...others] = errors;
  for (const other of others) tellOf(other);
  if (first !== undefined) throw first;
};
