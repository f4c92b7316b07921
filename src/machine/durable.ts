/** Files that survive a loss of power, for code that may not wait: synced, then put in their place by name. */
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Has a file or a folder's entries on the disk. */
export const syncPath = (path: string): void => {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

/** Puts a finished draft in a file's place, over one that is there. */
export const moveInto = (draft: string, path: string): void => {
  syncPath(draft);
  renameSync(draft, path);
  syncPath(dirname(path));
};

/** Gives a finished draft a second name, which nothing may have yet: throws EEXIST. */
export const linkInto = (draft: string, path: string): void => {
  syncPath(draft);
  linkSync(draft, path);
  syncPath(dirname(path));
};

/** A small file of mode 0600 with this content, and no moment with half of it. */
export const replaceNow = (path: string, text: string): void => {
  const draft = `${path}.${process.pid}.draft`;
  writeFileSync(draft, text, { mode: 0o600 });
  moveInto(draft, path);
};

/** The same where a loss of power may cost the new content; a draft that fails is removed. Throws the system's error. */
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
