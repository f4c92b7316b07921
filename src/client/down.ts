/** Not written yet: the program says so until its author has replaced this file. */

import type { GlobalOptions } from '../cli/options.ts';
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';

export const down = async (_network: InterfaceName, _options: GlobalOptions): Promise<void> => {
  throw new Failure('down is not built yet');
};
