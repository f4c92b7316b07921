/** A folder for measurements on a real disk, gone after them, also when the bench is interrupted. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Not /tmp, which is memory on many machines: what is measured there would be no fsync. */
const DISK = '/var/tmp';

const present = new Set<string>();

process.on('exit', () => {
  for (const folder of present) removeFolder(folder);
});

export const makeFolder = (): string => {
  const folder = mkdtempSync(join(DISK, 'innernet-bench-'));
  present.add(folder);
  return folder;
};

export const removeFolder = (folder: string): void => {
  rmSync(folder, { recursive: true, force: true });
  present.delete(folder);
};

/** Runs `work` with an empty folder. */
export const withFolder = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = makeFolder();
  try {
    return await work(folder);
  } finally {
    removeFolder(folder);
  }
};
