/** `innernet-server backup`: a checked copy of the log, also beside a running server, with where its peers were heard. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { GlobalOptions } from '../../cli/options.ts';
import { answer, answerJson, note } from '../../cli/print.ts';
import { during } from '../../cli/progress.ts';
import { makeFolder } from '../../machine/durable-file.ts';
import { checkWitness } from '../../store/verify.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { timestamp } from '../commands/control-plane.ts';
import { filesOf } from '../disk/files.ts';
import { copyObservations, observationsBeside } from '../observations/observation-file.ts';
import { openNetworkLog } from '../past/local-past.ts';

export type BackupOptions = GlobalOptions & {
  json?: true | undefined;
  keep?: number | undefined;
};

/**
 * `place`: a file, or a folder (made if it ends in /) for a file named by time. Beside it lies what was observed of
 * peers (`FILE.observations`): a restore works without, and the server then waits for them. Throws `Failure` and changes
 * no file: no such network, a damaged log, an existing file.
 */
export const backup = async (
  network: InterfaceName,
  place: string,
  options: BackupOptions,
): Promise<void> => {
  const log = await openNetworkLog(network, options);
  try {
    await checkWitness(log); // a copy of a log that lost its end would pass for a good one
    const folder = await folderAt(place);
    if (options.keep !== undefined && folder === undefined)
      throw new Failure(`--keep is for a folder of backups, and ${place} is none`, {
        hint: `innernet-server backup ${network} FOLDER --keep ${options.keep}`,
      });
    const path = folder === undefined ? resolve(place) : join(folder, nameNow(network));
    const { position, hash } = await during('copying and checking the log', log.backup(path));
    copyObservations(filesOf(network, options).observations, observationsBeside(path));
    const deleted = folder === undefined ? [] : deleteOldest(folder, network, options.keep);
    if (options.json) {
      answerJson({ file: path, network, position, hash, ...(deleted.length > 0 ? { deleted } : {}) });
      return;
    }
    answer(`wrote ${path}: ${network} up to position ${position}, checked`);
    for (const old of deleted) note(`deleted ${old}`);
    note(`the server's key is not in it: keep ${filesOf(network, options).conf} as well`);
  } finally {
    await log.close();
  }
};

const folderAt = async (place: string): Promise<string | undefined> => {
  if (place.endsWith('/')) await makeFolder(place);
  return statSync(place, { throwIfNoEntry: false })?.isDirectory() ? resolve(place) : undefined;
};

/** In UTC, so that names sort by time. */
const nameNow = (network: string): string =>
  `${network}-${timestamp().replace(/\.\d+/, '').replaceAll(':', '')}.events`;

const OWN_NAME = /^(.+)-\d{4}-\d\d-\d\dT\d{6}Z\.events$/;

/** Only names of `nameNow`; returns the paths. */
const deleteOldest = (folder: string, network: string, keep: number | undefined): string[] => {
  if (keep === undefined) return [];
  const own = readdirSync(folder).filter((name) => OWN_NAME.exec(name)?.[1] === network);
  const old = own
    .sort()
    .slice(0, -keep)
    .map((name) => join(folder, name));
  for (const path of old) {
    rmSync(path);
    rmSync(observationsBeside(path), { force: true });
  }
  return old;
};
