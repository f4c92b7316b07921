/** Not written yet: the program says so until its author has replaced this file. */
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import type { FetchOptions } from './options.ts';

export const fetch = async (_network: InterfaceName, _options: FetchOptions): Promise<void> => {
  throw new Failure('fetch is not built yet');
};
