/** What a standby knows besides the log, in `NET.standby`: whom it follows, since when, and how far it is. */
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { replaceUnsynced } from '../../machine/durable.ts';
import { Hash, Position } from '../../values/id.ts';
import { PublicKey } from '../../values/key.ts';
import { InterfaceName } from '../../values/name.ts';
import { Timestamp } from '../../values/time.ts';

const WRITE_EVERY_MS = 1_000;

const Standby = z.object({
  version: z.literal(1),
  of: z.object({ networkId: Hash.optional(), networkName: InterfaceName, publicKey: PublicKey }),
  /** When it began to follow. */
  since: Timestamp,
  position: Position,
  /** The server's last sign of life; absent: none yet. */
  heard: Timestamp.optional(),
  /** Why it does not follow now. */
  trouble: z.string().optional(),
});
export type Standby = z.infer<typeof Standby>;

/** Undefined where this machine is no standby. */
const readStandby = (file: string): Standby | undefined => {
  try {
    return Standby.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
};

export class StandbyFile {
  readonly #file: string;
  #now: Standby;
  #timer: NodeJS.Timeout | undefined;

  constructor(file: string, standby: Standby) {
    this.#file = file;
    this.#now = { ...standby, since: readStandby(file)?.since ?? standby.since };
    this.#write();
  }

  get now(): Standby {
    return this.#now;
  }

  /** Written soon. */
  note(change: Partial<Pick<Standby, 'position' | 'heard' | 'trouble'>>): void {
    this.#now = { ...this.#now, ...change };
    this.#timer ??= setTimeout(() => this.#write(), WRITE_EVERY_MS).unref();
  }

  close(): void {
    this.#write();
  }

  /** A full disk costs only what is told of this standby. */
  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      replaceUnsynced(this.#file, `${JSON.stringify(this.#now)}\n`);
    } catch {
      // the file before it stays
    }
  }
}
