/**
 * Writes files that are whole at every moment: replaced by fsync and rename, or new and never over another.
 */
import { constants, ftruncateSync, writeSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../values/failure.ts';
import { refuseUnless, swapIn } from './swapped-file.ts';

export type Replacement = {
  /** Mode of a new file, whatever the umask; an existing one keeps owner, group and mode. */
  mode?: number;
  /** Writes in place where a rename fails: bind mounts, folders of other users. */
  inPlace?: boolean;
  /** The content that the new text is based on; if it changed, throws `Overtaken`. */
  instead?: Buffer;
};

type Handle = fs.FileHandle;

const errnoOf = (error: unknown): string => (error as NodeJS.ErrnoException | null)?.code ?? '';

const targetOf = async (path: string): Promise<string> => {
  try {
    return await fs.realpath(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    const link = await fs.readlink(path).catch(() => undefined);
    return link === undefined ? resolve(path) : resolve(dirname(path), link);
  }
};

/** Fsyncs a folder's entries. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
};

let drafts = 0;

/** The pid lets the next writer remove abandoned drafts. */
const draftName = (path: string): string => `.${basename(path)}.${process.pid}-${++drafts}.draft`;

const removeAbandonedDrafts = async (path: string): Promise<void> => {
  const folder = dirname(path);
  const start = `.${basename(path)}.`;
  for (const name of await fs.readdir(folder)) {
    if (!name.startsWith(start)) continue;
    const [, pid] = /^(\d+)-\d+\.draft$/.exec(name.slice(start.length)) ?? [];
    if (pid && !isAlive(Number(pid))) await fs.rm(join(folder, name), { force: true });
  }
};

/** Owner and group first: else the wrong group could read for a moment. */
const takeAfter = async (draft: Handle, path: string, mode: number): Promise<void> => {
  const old = await fs.stat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (old && !old.isFile()) throw new Failure(`${path} is not a regular file`);
  const own = await draft.stat();
  if (old && (old.uid !== own.uid || old.gid !== own.gid)) await draft.chown(old.uid, old.gid);
  await draft.chmod(old ? old.mode & 0o7777 : mode);
};

const replaceByRename = async (
  path: string,
  text: string | Uint8Array,
  { mode = 0o600, instead }: Replacement,
): Promise<void> => {
  const draftPath = join(dirname(path), draftName(path));
  const draft = await fs.open(draftPath, 'wx', 0o600);
  try {
    try {
      await takeAfter(draft, path, mode);
      await draft.writeFile(text);
      await draft.sync();
    } finally {
      await draft.close();
    }
    const lookAgain = instead ? swapIn(draftPath, path, instead) : undefined;
    if (!instead) await fs.rename(draftPath, path);
    await syncFolder(dirname(path));
    lookAgain?.();
  } finally {
    await fs.rm(draftPath, { force: true });
  }
};

/** One padded write covers the old text, so that a crash before the truncation leaves none of it. */
const overwrite = async (
  path: string,
  text: string | Uint8Array,
  { instead }: Replacement,
): Promise<void> => {
  const bytes = Buffer.from(text);
  const file = await fs.open(path, constants.O_RDWR);
  try {
    const { size } = await file.stat();
    const padded = Buffer.alloc(Math.max(size, bytes.length), '\n');
    bytes.copy(padded);
    // No await from the check to the truncation: others' writes in between would be lost.
    if (instead) refuseUnless(file.fd, instead);
    for (let done = 0; done < padded.length; )
      done += writeSync(file.fd, padded, done, padded.length - done, done);
    ftruncateSync(file.fd, bytes.length);
    await file.sync();
  } finally {
    await file.close();
  }
};

const UNREPLACEABLE = ['EBUSY', 'EXDEV', 'EPERM', 'EACCES', 'EROFS'];

/**
 * Replaces a file's content durably: at any moment, also after a crash, it is the old or the new one, whole.
 * Follows symbolic links. Leaves nothing behind on failure; removes drafts of killed processes. Throws the
 * system's error.
 */
export const replaceFile = async (
  path: string,
  text: string | Uint8Array,
  replacement: Replacement = {},
): Promise<void> => {
  const target = await targetOf(path);
  try {
    await removeAbandonedDrafts(target);
    await replaceByRename(target, text, replacement);
  } catch (error) {
    if (!replacement.inPlace || !UNREPLACEABLE.includes(errnoOf(error))) throw error;
    await overwrite(target, text, replacement);
  }
};

/** A new empty file that no other process can make. */
export type Reservation = {
  fill(text: string): Promise<void>;
  /** Removes the file; harmless twice or after a failed `fill`. */
  discard(): Promise<void>;
};

/** Makes a new empty file of mode 0600. Throws a `Failure` if the file exists. */
export const reserveFile = async (path: string): Promise<Reservation> => {
  const file = await fs.open(path, 'wx', 0o600).catch((error: unknown) => {
    if (errnoOf(error) === 'EEXIST')
      throw new Failure(`${path} exists already, and is not overwritten`, {
        hint: 'move it away, or name another file',
        cause: error,
      });
    throw error;
  });
  await file.chmod(0o600);
  return {
    fill: async (text) => {
      await file.writeFile(text);
      await file.sync();
      await file.close();
      await syncFolder(dirname(resolve(path)));
    },
    discard: async () => {
      await file.close().catch(() => {});
      await fs.rm(path, { force: true });
    },
  };
};

/** Removes a file and its abandoned drafts, durably. */
export const removeFile = async (path: string): Promise<void> => {
  try {
    await removeAbandonedDrafts(path);
    await fs.rm(path, { force: true });
    await syncFolder(dirname(path));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error; // not even the folder is there
  }
};

/** Throws a `Failure` if any user of this machine may write to the folder. */
export const refuseOpenFolder = async (path: string): Promise<void> => {
  const mode = (await fs.stat(path)).mode & 0o7777;
  if ((mode & 0o002) === 0) return;
  throw new Failure(`every user of this machine may write into ${path} (mode ${mode.toString(8)})`, {
    hint: `see what lies there, then close it: chmod o-w ${path}`,
  });
};

/** Makes a folder and its parents for the owner alone; refuses an open one. */
export const makeFolder = async (path: string): Promise<void> => {
  await fs.mkdir(path, { recursive: true, mode: 0o700 });
  await refuseOpenFolder(path);
};

/** Makes a folder for its owner alone, or closes an open one. Throws a `Failure` if it is another user's. */
export const closeFolder = async (path: string): Promise<void> => {
  await fs.mkdir(path, { recursive: true, mode: 0o700 });
  const { uid, mode } = await fs.stat(path);
  if (uid !== process.geteuid?.())
    throw new Failure(`${path} belongs to another user (uid ${uid}), who could put anything there`, {
      hint:
        process.geteuid?.() === 0
          ? `see what lies there, then take it back: chown root ${path}`
          : 'run it as root, with sudo',
    });
  if ((mode & 0o777) !== 0o700) await fs.chmod(path, 0o700);
};
