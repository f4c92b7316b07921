/** Not written yet: the program says so until its author has replaced this file. */
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import type { UpOptions } from './options.ts';

export const up = async (_networks: InterfaceName[], _options: UpOptions): Promise<void> => {
  throw new Failure('up is not built yet');
};
