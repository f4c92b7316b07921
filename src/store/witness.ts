/** The witness: a file beside the log with its latest heads, to notice a lost end (docs/log-format.md). */

import { closeSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { replaceNow, syncPath } from '../machine/durable.ts';
import { sha256Text } from '../machine/sha256.ts';
import type { Hash, Position } from '../values/id.ts';
import type { Head } from './log.ts';

/** A longer file is rewritten with its greatest line alone. */
const MAX_FILE_BYTES = 64 * 1024;

const LINE = /^(\d{1,16}) ([0-9a-f]{64}) ([0-9a-f]{16})$/;

/** `NET.witness` for `NET.events`. */
export const witnessFile = (file: string): string => `${file.replace(/\.events$/, '')}.witness`;

/** First 16 hexadecimal digits of SHA-256("position hash"). */
const checksum = (position: Position, hash: Hash): string => sha256Text(`${position} ${hash}`).slice(0, 16);

const lineOf = ({ position, hash }: Head): string => `${position} ${hash} ${checksum(position, hash)}\n`;

const headOf = (line: string): Head | undefined => {
  const [, digits, hash, sum] = LINE.exec(line) ?? [];
  const head = { position: Number(digits), hash: hash as Hash };
  return sum !== undefined && checksum(head.position, head.hash) === sum ? head : undefined;
};

/** The greatest head of the file; undefined without a valid line. */
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

/** Sets this head alone, after a restore of a shorter log. */
export const replaceWitness = (path: string, head: Head): void => replaceNow(path, lineOf(head));

export class Witness {
  readonly #path: string;
  #fd: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Notes a head after its COMMIT; `readHead` gives the log's present head. Ignores errors: the commit is
   * durable, and a full disk only weakens the witness.
   */
  note(head: Head, readHead: () => Head): void {
    try {
      if (this.#append(head) > MAX_FILE_BYTES) this.#shorten(readHead);
    } catch {
      // the next commit's line replaces this one
    }
  }

  /** Syncs the lines of all writers, at each checkpoint. */
  sync(): void {
    try {
      syncPath(this.#path);
    } catch {
      // as in `note`
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Returns the file's size. If another process has replaced the file, writes into the new one. */
  #append(head: Head): number {
    this.#fd ??= openSync(this.#path, 'a', 0o600);
    writeSync(this.#fd, lineOf(head));
    const { nlink, size } = fstatSync(this.#fd);
    if (nlink > 0) return size;
    closeSync(this.#fd);
    this.#fd = undefined;
    return this.#append(head);
  }

  /** Reads the head after the rename: it includes commits whose lines went into the old file in between. */
  #shorten(readHead: () => Head): void {
    const greatest = readWitness(this.#path);
    replaceNow(this.#path, greatest ? lineOf(greatest) : '');
    this.#append(readHead());
  }
}
