/** All files of a log. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { stateFiles } from './stored-state.ts';
import { witnessFile } from './witness.ts';

/**
 * In the order in which to delete them: the log late, so that who was stopped halfway can begin again, and
 * the witness after it, so that half a log is noticed.
 */
export const logFiles = (log: string): string[] => [...keptCopies(log), ...presentFiles(log)];

/** Without the copies that were kept of earlier logs. */
export const presentFiles = (log: string): string[] => [
  ...stateFiles(log),
  ...[log, `${log}-wal`, `${log}-shm`],
  witnessFile(log),
];

/** Of upgrades and restores. */
const KEPT = /^\.(v\d+(\.\d+)?|lost-\w+)(-wal|-shm)?$/;

const keptCopies = (log: string): string[] => {
  const [folder, own] = [dirname(log), basename(log)];
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .filter((name) => name.startsWith(own) && KEPT.test(name.slice(own.length)))
    .map((name) => join(folder, name));
};
