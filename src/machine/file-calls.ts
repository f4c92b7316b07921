/** File calls that Node lacks: locks between processes (flock(2)) and swapping two names (renameat2(2)). */
import type { FileHandle } from 'node:fs/promises';
import { lastError, openKoffi } from './koffi.ts';

/** Linux constants (sys/file.h, linux/fs.h, fcntl.h). */
const LINUX = { LOCK_EX: 2, LOCK_NB: 4, AT_FDCWD: -100, RENAME_EXCHANGE: 2 };

/** Errors of a swap: unsupported by kernel or file system, or a name is missing. */
const UNSWAPPABLE = ['EINVAL', 'ENOSYS', 'ENOTSUP', 'ENOENT'];

/** Loaded when needed: most verbs never edit a shared file. */
const load = () => {
  const koffi = openKoffi();
  const libc = koffi.load(null);
  const flock = libc.func('int flock(int fd, int operation)');
  const rename2 = libc.func(
    'int renameat2(int oldFolder, const char *old, int newFolder, const char *new, uint32_t flags)',
  );
  const errorOf = (call: string): NodeJS.ErrnoException => {
    const code = lastError(koffi);
    return Object.assign(new Error(`${call}: ${code}`), { code });
  };
  return { flock, rename2, errorOf };
};

let loaded: ReturnType<typeof load> | undefined;

export type FileCalls = {
  /** Takes the lock unless another open file holds it; true on success. Closing the file releases it. */
  tryLock: (file: FileHandle) => boolean;
  /** Swaps two names atomically; false where unsupported. Throws the system's error. */
  exchange: (one: string, other: string) => boolean;
};

export const fileCalls = (): FileCalls => {
  loaded ??= load();
  const { flock, rename2, errorOf } = loaded;
  return {
    tryLock: (file) => {
      if (flock(file.fd, LINUX.LOCK_EX | LINUX.LOCK_NB) === 0) return true;
      const error = errorOf('flock');
      if (['EAGAIN', 'EWOULDBLOCK', 'EINTR'].includes(error.code ?? '')) return false;
      throw error;
    },
    exchange: (one, other) => {
      if (rename2(LINUX.AT_FDCWD, one, LINUX.AT_FDCWD, other, LINUX.RENAME_EXCHANGE) === 0) return true;
      const error = errorOf('renameat2');
      if (UNSWAPPABLE.includes(error.code ?? '')) return false;
      throw error;
    },
  };
};
