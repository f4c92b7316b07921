/** The verb verify-export: checks an exported log, alone and against heads noted by others. */

import { printable } from '../domain/rejection.ts';
import { sha256 } from '../machine/sha256.ts';
import { ExportCheck, isWhole } from '../protocol/exported-log.ts';
import { isAsNoted, type NotedHead, shortHead } from '../protocol/noted-head.ts';
import { Failure } from '../values/failure.ts';
import type { Hash, Position } from '../values/id.ts';
import { openExport } from './exported-file.ts';
import { answer, answerJson } from './print.ts';

export type VerifyExportOptions = { witness: NotedHead[]; json?: true };

export class Witnesses {
  readonly #open: Set<NotedHead>;
  readonly #byPosition = new Map<Position, NotedHead[]>();

  constructor(noted: readonly NotedHead[]) {
    this.#open = new Set(noted);
    for (const each of noted)
      this.#byPosition.set(each.position, [...(this.#byPosition.get(each.position) ?? []), each]);
  }

  /** Throws `Failure` if the hash at a noted position differs. */
  meet({ position, hash }: { position: Position; hash: Hash }): void {
    for (const noted of this.#byPosition.get(position) ?? []) {
      if (!isAsNoted(noted, hash))
        throw new Failure(
          `this is another history than the one that was noted: position ${position} has the hash ${hash.slice(0, 32)}…, not ${noted.digits.slice(0, 32)}…`,
          { hint: 'one of the two was changed afterwards: compare with what others have noted' },
        );
      this.#open.delete(noted);
    }
  }

  /** Throws `Failure` if the history ends before a noted position. */
  finish(end: Position): void {
    for (const { position } of this.#open)
      throw new Failure(`the history ends at position ${end}, and position ${position} was seen`, {
        hint: 'it was cut, or an older copy was put in its place; ask for all of it',
      });
  }
}

export const verifyExport = async (path: string, { witness, json }: VerifyExportOptions): Promise<void> => {
  const { header, records } = await openExport(path);
  const check = new ExportCheck(header, sha256);
  const witnesses = new Witnesses(witness);
  let whole = 0;
  for await (const record of records) {
    check.take(record);
    witnesses.meet(record);
    if (isWhole(record)) whole += 1;
  }
  check.finish();
  witnesses.finish(header.position);
  const { network, networkId, position, hash } = header;
  if (json)
    return answerJson({ network, networkId, position, hash, records: whole, witnesses: witness.length });
  const shown =
    whole === position
      ? `all ${whole} records`
      : `${whole} of ${position} records, the others by their digests`;
  const noted =
    witness.length > 0
      ? `; ${witness.length} noted ${witness.length === 1 ? 'head is' : 'heads are'} in it`
      : '';
  answer(`${printable(network)} is sound: ${shown}, up to ${shortHead({ position, hash })}${noted}`);
};
