/** `innernet-server rebuild`: throws away what is made from the log, and makes it again. */
import { existsSync } from 'node:fs';
import { isOnlySaid } from '../../cli/local-change.ts';
import { answer, answerJson } from '../../cli/print.ts';
import { Progress } from '../../cli/progress.ts';
import { PROJECTIONS } from '../../projections/projections.ts';
import { checkSchema, openDatabase } from '../../store/open.ts';
import { LogReader } from '../../store/reader.ts';
import { rebuild } from '../../store/rebuild.ts';
import { dropStates } from '../../store/stored-state.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { filesOf, logOf } from '../disk/files.ts';
import type { RebuildOptions } from './options.ts';

/** Others may go on writing meanwhile. Throws `Failure`. */
export const rebuildReadModels = async (network: InterfaceName, options: RebuildOptions): Promise<void> => {
  const file = logOf(network, filesOf(network, options));
  if (!existsSync(file)) throw new Failure(`there is no network ${network} here: ${file} is missing`);
  const database = openDatabase(file, 'write');
  try {
    checkSchema(database, file);
    const { position } = new LogReader(database).head();
    const names = PROJECTIONS.map(({ name }) => name);
    const order = `make the read models ${names.join(', ')} anew from ${position} records`;
    if (isOnlySaid({ network, changes: [order] }, options)) return;
    const progress = new Progress('rebuilt', position);
    dropStates(database);
    await rebuild(database, PROJECTIONS, (reached) => progress.reached(reached));
    progress.end();
    if (options.json) answerJson({ network, position, readModels: names });
    else answer(`made the read models of ${network} anew from ${position} records: ${names.join(', ')}`);
  } finally {
    database.close();
  }
};
