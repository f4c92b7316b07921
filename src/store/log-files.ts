/** All files of a log. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { stateFiles } from './stored-state.ts';
import { witnessFile } from './witness.ts';

/** In the order in which to delete them: the witness after the log, so that a half-deleted log is noticed. */
export const logFiles = (log: string): string[] => [
  ...[log, `${log}-wal`, `${log}-shm`],
  ...copiesBeforeUpgrades(log),
  ...stateFiles(log),
  witnessFile(log),
];

const copiesBeforeUpgrades = (log: string): string[] => {
  const folder = dirname(log);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .filter((name) => name.startsWith(`${basename(log)}.v`) && /\.v\d+(\.\d+)?$/.test(name))
    .map((name) => join(folder, name));
};
