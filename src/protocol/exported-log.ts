/** An exported log: a header, then each record's exact texts or its digest alone (docs/log-format.md). */
import * as z from 'zod';
import { chainHash, digestOf, type EventRecord, fromHex, type Sha256 } from '../events/record.ts';
import type { EventType } from '../events/schema.ts';
import { Failure } from '../values/failure.ts';
import { Hash, NO_HASH, Position } from '../values/id.ts';
import { Timestamp } from '../values/time.ts';

export const ExportHeader = z.object({
  format: z.literal('innernet-log'),
  version: z.literal(1),
  network: z.string(),
  networkId: Hash,
  /** Position and hash of the last record. */
  position: Position,
  hash: Hash,
});
export type ExportHeader = z.infer<typeof ExportHeader>;

const WholeRecord = z.object({
  position: Position,
  commit_end: Position,
  id: z.string(),
  command_id: z.string(),
  type: z.string(),
  recorded_at: Timestamp,
  actor: z.string(),
  body: z.string(),
  salt: z.string().regex(/^[0-9a-f]{32}$/, 'a salt is 32 lower-case hexadecimal digits'),
  digest: Hash,
  hash: Hash,
});

/** A withheld record: its digest reveals nothing and still extends the chain. */
const KeptBack = z.object({ position: Position, digest: Hash, hash: Hash });

export const ExportedRecord = z.union([WholeRecord, KeptBack]);
export type ExportedRecord = z.infer<typeof ExportedRecord>;
type WholeRecord = z.infer<typeof WholeRecord>;

export const isWhole = (record: ExportedRecord): record is WholeRecord => 'body' in record;

export const exportedRecord = (record: EventRecord): WholeRecord => ({
  position: record.position,
  commit_end: record.commitEnd,
  id: record.id,
  command_id: record.commandId,
  type: record.type,
  recorded_at: record.recordedAt,
  actor: record.actor,
  body: record.body,
  salt: Array.from(record.salt, (byte) => byte.toString(16).padStart(2, '0')).join(''),
  digest: record.digest,
  hash: record.hash,
});

export const keptBack = ({ position, digest, hash }: EventRecord): ExportedRecord => ({
  position,
  digest,
  hash,
});

/** The exported record; its type may be unknown to this program. */
export const recordFrom = (exported: WholeRecord): EventRecord => ({
  position: exported.position,
  commitEnd: exported.commit_end,
  id: exported.id,
  commandId: exported.command_id,
  type: exported.type as EventType,
  recordedAt: exported.recorded_at,
  actor: exported.actor,
  body: exported.body,
  salt: fromHex(exported.salt),
  digest: exported.digest,
  hash: exported.hash,
});

/** Checks records in order. Throws a `Failure` that names the first bad position. */
export class ExportCheck {
  readonly #header: ExportHeader;
  readonly #sha256: Sha256;
  #position: Position = 0;
  #hash: Hash = NO_HASH;
  /** The end of the last record's commit, where known. */
  #commitEnd: Position | undefined = 0;

  constructor(header: ExportHeader, sha256: Sha256) {
    this.#header = header;
    this.#sha256 = sha256;
  }

  take(record: ExportedRecord): void {
    const { position, digest, hash } = record;
    if (position !== this.#position + 1) throw bad(position, `the one before it is ${this.#position}`);
    if (isWhole(record)) this.#checkContent(record);
    else if (this.#commitEnd === undefined || this.#commitEnd <= this.#position) this.#commitEnd = undefined;
    const networkId = this.#header.networkId;
    if (chainHash({ networkId, position, previous: this.#hash, digest }, this.#sha256) !== hash)
      throw bad(position, 'its hash does not continue the chain');
    if (position === 1 && hash !== networkId) throw bad(position, 'it is the beginning of another network');
    this.#position = position;
    this.#hash = hash;
  }

  finish(): void {
    const { position, hash } = this.#header;
    if (this.#position !== position || this.#hash !== hash)
      throw bad(this.#position, `the file ends here, and its header says position ${position}`);
    if (this.#commitEnd !== undefined && this.#commitEnd > position)
      throw bad(position, 'the file ends within a commit');
  }

  #checkContent(record: WholeRecord): void {
    const { position, digest, commit_end: end } = record;
    if (digestOf(recordFrom(record), fromHex(record.salt), this.#sha256) !== digest)
      throw bad(position, 'its content does not match its digest');
    const within = this.#commitEnd !== undefined && this.#commitEnd > this.#position;
    if (within ? end !== this.#commitEnd : end < position)
      throw bad(position, 'its commit does not end where it says');
    this.#commitEnd = end;
  }
}

const bad = (position: Position, what: string): Failure =>
  new Failure(`the exported log is wrong at position ${position}: ${what}`, {
    hint: 'get the file again from the one who exported it, and ask why it differs',
  });
