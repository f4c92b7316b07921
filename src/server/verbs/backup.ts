/** `innernet-server backup`: a copy of the log, taken beside a running server, checked from the first record on. */
import { resolve } from 'node:path';
import type { GlobalOptions } from '../../cli/options.ts';
import { answer, answerJson, note } from '../../cli/print.ts';
import { during } from '../../cli/progress.ts';
import { backupLog } from '../../store/backup.ts';
import { checkWitness } from '../../store/verify.ts';
import type { InterfaceName } from '../../values/name.ts';
import { filesOf } from '../disk/files.ts';
import { openNetworkLog } from '../past/local-past.ts';

export type BackupOptions = GlobalOptions & { json?: true | undefined };

/** Throws `Failure`, and then there is no file: no such network, a damaged log, a file that is there already. */
export const backup = async (network: InterfaceName, file: string, options: BackupOptions): Promise<void> => {
  const path = resolve(file);
  const log = await openNetworkLog(network, options);
  try {
    await checkWitness(log); // a copy of a log that lost its end would pass for a good one
    const { position, hash } = await during('copying and checking the log', backupLog(log.database, path));
    if (options.json) {
      answerJson({ file: path, network, position, hash });
      return;
    }
    answer(`wrote ${path}: ${network} up to position ${position}, checked`);
    note(`the server's key is not in it: keep ${filesOf(network, options).conf} as well`);
  } finally {
    await log.close();
  }
};
