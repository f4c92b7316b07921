/** Not written yet: the program says so until its author has replaced this file. */
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import type { HistoryOptions } from './options.ts';

export const history = async (_network: InterfaceName, _options: HistoryOptions): Promise<void> => {
  throw new Failure('history is not built yet');
};
