/** Adds the background from the log to a rule's refusal. */
import { Rejected, type Rejection } from '../../domain/rejection.ts';

type Knowing = { backgroundOf(rejection: Rejection): string | undefined | Promise<string | undefined> };

/** Runs a task and adds to a refusal its background from the log. */
export const explained = async <T>(past: Knowing, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Rejected) error.background = await past.backgroundOf(error.rejection);
    throw error;
  }
};
