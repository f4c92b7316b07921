/** Synchronous file changes that survive a loss of power. */
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Syncs a file, or a folder's entries. */
export const syncPath = (path: string): void => {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

/** Moves a finished draft over an existing file. */
export const moveInto = (draft: string, path: string): void => {
  syncPath(draft);
  renameSync(draft, path);
  syncPath(dirname(path));
};

/** Links a finished draft. Throws EEXIST if the path is taken. */
export const linkInto = (draft: string, path: string): void => {
  syncPath(draft);
  linkSync(draft, path);
  syncPath(dirname(path));
};

/** Replaces a small file atomically, mode 0600. */
export const replaceNow = (path: string, text: string): void => {
  const draft = `${path}.${process.pid}.draft`;
  writeFileSync(draft, text, { mode: 0o600 });
  moveInto(draft, path);
};

/** As `replaceNow`, but a loss of power may lose the new content. Throws the system's error. */
export const replaceUnsynced = (path: string, text: string): void => {
  const draft = `${path}.${process.pid}.draft`;
  try {
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
};
