/** Not written yet: the program says so until its author has replaced this file. */
import { Failure } from '../values/failure.ts';
import type { NewOptions } from './options.ts';

export const createNetwork = async (_options: NewOptions): Promise<void> => {
  throw new Failure('new is not built yet');
};
