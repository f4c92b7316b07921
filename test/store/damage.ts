// Damage as disks and people do it: a bit that flips, a file that is cut.
import { closeSync, openSync, readSync, truncateSync, writeSync } from 'node:fs';

/** Turns one bit over. `at` counts bytes from the start. */
export const flipBit = (file: string, at: number, bit = 3): void => {
  const fd = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ (1 << bit);
  writeSync(fd, byte, 0, 1, at);
  closeSync(fd);
};

export const cut = (file: string, bytes: number): void => truncateSync(file, bytes);
