/** A refusal by a rule, with what the log knows of why it stands so. */
import { Rejected, type Rejection } from '../../domain/rejection.ts';

type Knowing = { backgroundOf(rejection: Rejection): string | undefined | Promise<string | undefined> };

/** Does what it is given; a refusal on the way gets its background. */
export const explained = async <T>(past: Knowing, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Rejected) error.background = await past.backgroundOf(error.rejection);
    throw error;
  }
};
