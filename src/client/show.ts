/** Not written yet: the program says so until its author has replaced this file. */
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import type { ShowOptions } from './options.ts';

export const show = async (_network: InterfaceName | undefined, _options: ShowOptions): Promise<void> => {
  throw new Failure('show is not built yet');
};
