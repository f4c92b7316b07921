/** Not written yet: the program says so until its author has replaced this file. */
import { Failure } from '../values/failure.ts';
import type { InstallOptions } from './options.ts';

export const install = async (_file: string, _options: InstallOptions): Promise<void> => {
  throw new Failure('install is not built yet');
};
