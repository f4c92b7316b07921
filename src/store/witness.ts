/**
 * The witness: a small file beside the log that remembers how far the log had come, so that a log which lost its
 * end is noticed. Lines of `position hash checksum`; format in docs/log-format.md.
 */

import { closeSync, fstatSync, fsync, openSync, readFileSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { replaceNow, syncPath } from '../machine/durable.ts';
import { sha256Text } from '../machine/sha256.ts';
import type { Hash, Position } from '../values/id.ts';
import type { Head } from './log.ts';

/** Above this many bytes the file is written anew with its greatest line alone. */
const MAX_BYTES = 64 * 1024;

/** After an append the line is on the disk within this many milliseconds, whatever comes. */
const SYNC_WITHIN = 900;

const LINE = /^(\d{1,16}) ([0-9a-f]{64}) ([0-9a-f]{16})$/;

/** `NET.witness` for `NET.events`. */
export const witnessFile = (file: string): string => `${file.replace(/\.events$/, '')}.witness`;

/** The first 16 hexadecimal digits of SHA-256("position hash"). */
const checksum = (position: Position, hash: Hash): string => sha256Text(`${position} ${hash}`).slice(0, 16);

const lineOf = ({ position, hash }: Head): string => `${position} ${hash} ${checksum(position, hash)}\n`;

const headOf = (line: string): Head | undefined => {
  const [, digits, hash, sum] = LINE.exec(line) ?? [];
  const head = { position: Number(digits), hash: hash as Hash };
  return sum !== undefined && checksum(head.position, head.hash) === sum ? head : undefined;
};

/** The greatest head that a valid line names; undefined where there is no file or no such line. */
export const readWitness = (path: string): Head | undefined => {
  let greatest: Head | undefined;
  for (const line of textOf(path).split('\n')) {
    const head = headOf(line);
    if (head && head.position > (greatest?.position ?? 0)) greatest = head;
  }
  return greatest;
};

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
};

/** Makes the witness say this head and no other: after a restored backup, which is shorter than what was seen. */
export const replaceWitness = (path: string, head: Head): void => replaceNow(path, lineOf(head));

/** The writing side. */
export class Witness {
  readonly #path: string;
  #fd: number | undefined;
  #unsynced = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Notes a head after its COMMIT. `readHead` gives the log's head at the time of the call. Failing to write is
   * no reason to fail the commit, which is durable already: a full disk only makes the witness weaker.
   */
  note(head: Head, readHead: () => Head): void {
    try {
      if (this.#append(head) > MAX_BYTES) this.#shorten(readHead);
      this.#unsynced = true;
      this.#timer ??= setTimeout(() => this.#syncSoon(), SYNC_WITHIN);
      this.#timer.unref();
    } catch {
      // the next commit's line says more than this one would have
    }
  }

  /** Has all lines on the disk when it returns, those of other writers too. */
  sync(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unsynced = false;
    try {
      syncPath(this.#path);
    } catch {
      // as in `note`
    }
  }

  close(): void {
    if (this.#unsynced) this.sync();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Returns the file's size. Where another process has put a new file in its place, the line goes there. */
  #append(head: Head): number {
    this.#fd ??= openSync(this.#path, 'a', 0o600);
    writeSync(this.#fd, lineOf(head));
    const { nlink, size } = fstatSync(this.#fd);
    if (nlink > 0) return size;
    closeSync(this.#fd);
    this.#fd = undefined;
    return this.#append(head);
  }

  #syncSoon(): void {
    this.#timer = undefined;
    this.#unsynced = false;
    syncLater(this.#path).catch(() => {});
  }

  /**
   * The head is read after the rename: a writer that appended to the old file in between had committed before,
   * so that its commit is in what we read.
   */
  #shorten(readHead: () => Head): void {
    const greatest = readWitness(this.#path);
    replaceNow(this.#path, greatest ? lineOf(greatest) : '');
    this.#append(readHead());
  }
}

/** Without stopping the thread: the disk may be slow. */
const syncLater = async (path: string): Promise<void> => {
  const fd = openSync(path, 'r');
  try {
    await promisify(fsync)(fd);
  } finally {
    closeSync(fd);
  }
};
