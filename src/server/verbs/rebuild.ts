/** `innernet-server rebuild`: makes the read models again from the log. */
import { existsSync } from 'node:fs';
import { isOnlySaid } from '../../cli/local-change.ts';
import { answer, answerJson } from '../../cli/print.ts';
import { Progress } from '../../cli/progress.ts';
import { READ_MODELS } from '../../projections/projections.ts';
import { withRecords } from '../../store/backup.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { rebuildFile } from '../../store/rebuild.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { filesOf, logOf } from '../disk/files.ts';
import type { RebuildOptions } from './options.ts';

/** Throws `Failure`: no such network, or being served. */
export const rebuildReadModels = async (network: InterfaceName, options: RebuildOptions): Promise<void> => {
  const files = filesOf(network, options);
  const file = logOf(network, files);
  if (!existsSync(file)) throw new Failure(`there is no network ${network} here: ${file} is missing`);
  const { position } = await withRecords(file, (records) => records.head());
  const { projections } = READ_MODELS;
  const names = projections.map(({ name }) => name);
  const order = `make the read models ${names.join(', ')} anew from ${position} records`;
  if (isOnlySaid({ network, changes: [order] }, options)) return;
  const lock = ProcessLock.take(files.lock, `a server of ${network}`);
  const progress = new Progress('rebuilt', position);
  try {
    await rebuildFile(file, projections, (reached) => progress.reached(reached));
  } finally {
    progress.end();
    lock.release();
  }
  if (options.json) answerJson({ network, position, readModels: names });
  else answer(`made the read models of ${network} anew from ${position} records: ${names.join(', ')}`);
};
