/** What the running server knows of its standbys, in a file for verbs on this machine; gone while nobody serves. */
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { replaceUnsynced } from '../../machine/durable.ts';
import { StandbyReport } from '../../protocol/rows.ts';
import { Position } from '../../values/id.ts';
import { MAX_WAIT_MS } from './gate.ts';

/** Several pieces of news are written at once. */
const WRITE_AFTER_MS = 20;
const WRITE_SOON_MS = 1_000;
const LOOK_EVERY_MS = 10;

const Document = StandbyReport.extend({
  /** What every level standby has; all there is while none is level. */
  safe: Position,
  isAnyLevel: z.boolean(),
});
export type Standing = z.infer<typeof Document>;

/** Undefined while nobody serves, or where no standby is named. */
export const readStanding = (file: string): Standing | undefined => {
  try {
    return Document.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
};

/**
 * Waits until a position, appended by this program, is on each level standby's disk; false: none is level, or the server,
 * which has just been started, does not know yet.
 */
export const isOnStandbys = async (file: string, position: Position): Promise<boolean> => {
  const end = performance.now() + MAX_WAIT_MS + LOOK_EVERY_MS * 10;
  for (;;) {
    const standing = readStanding(file);
    if (standing && standing.standbys.length === 0) return true;
    if (standing && !standing.isAnyLevel) return false;
    if (standing && standing.safe >= position) return true;
    if (performance.now() > end) return false;
    await sleep(LOOK_EVERY_MS);
  }
};

export class StandingFile {
  readonly #file: string;
  readonly #standing: () => Standing;
  #timer: NodeJS.Timeout | undefined;
  #isUrgent = false;
  #isThere = false;

  constructor(file: string, standing: () => Standing) {
    this.#file = file;
    this.#standing = standing;
    rmSync(file, { force: true });
  }

  note(): void {
    if (this.#timer && this.#isUrgent) return;
    clearTimeout(this.#timer);
    this.#isUrgent = true;
    this.#timer = setTimeout(() => this.#write(), WRITE_AFTER_MS);
  }

  /** A write on a busy disk costs commits more than it tells. */
  noteSoon(): void {
    this.#timer ??= setTimeout(() => this.#write(), WRITE_SOON_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    rmSync(this.#file, { force: true });
  }

  /** A full disk costs only what verbs know. */
  #write(): void {
    this.#timer = undefined;
    this.#isUrgent = false;
    const standing = this.#standing();
    if (standing.standbys.length === 0 && !this.#isThere) return;
    try {
      replaceUnsynced(this.#file, JSON.stringify(standing));
      this.#isThere = true;
    } catch {
      rmSync(this.#file, { force: true });
    }
  }
}
