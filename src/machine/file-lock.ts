/** A lock across the processes of this machine; the kernel releases it when its holder dies. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../values/failure.ts';
import { closeFolder } from './durable-file.ts';
import { type FileCalls, fileCalls } from './file-calls.ts';

/** After the wait the holder counts as stuck. */
const RETRY_EVERY_MS = 5;
const MAX_WAIT_MS = 10_000;

const lock = async (path: string, file: FileHandle, { tryLock }: FileCalls): Promise<void> => {
  const deadline = performance.now() + MAX_WAIT_MS;
  while (!tryLock(file)) {
    if (performance.now() > deadline)
      throw new Failure(`another program has held the lock ${path} for ${MAX_WAIT_MS / 1000} s`, {
        hint: `see which one: fuser ${path}`,
      });
    await sleep(RETRY_EVERY_MS);
  }
};

/**
 * Acts while no other work holds the lock, in this process or another. The file stays, mode 0600 in its
 * owner's own folder: other users could hold the lock forever. Throws a `Failure` after 10 s.
 */
export const withFileLock = async <T>(path: string, act: () => Promise<T>): Promise<T> => {
  await closeFolder(dirname(path));
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    await lock(path, file, fileCalls());
    return await act();
  } finally {
    await file.close();
  }
};
