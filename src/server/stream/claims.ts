/**
 * What clients say that they have followed, where the log knows nothing of it: the sign of an older copy whose
 * witness is as old. It is kept beside the log for `restored`, and no word of it is believed for anything else.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import type { Head } from '../../store/log.ts';
import { Hash, type PeerId, Position } from '../../values/id.ts';
import { RecordedName } from '../../values/name.ts';
import type { Live } from '../live/live.ts';

/** `saidBy`: the peers that named this head, some of them; nobody else has seen it. */
const Claim = z.object({ position: Position, hash: Hash, saidBy: z.array(RecordedName).optional() });
export type Claim = z.infer<typeof Claim>;

/** Enough to judge by how many it was said. */
const MAX_NAMED = 10;

/** A peer may say anything, but no number that the log could not reach in years counts. */
const FARTHEST = 10_000_000;

/** The greatest head that a client has named; undefined where none has, or the file cannot be read. */
export const readClaim = (file: string): Claim | undefined => {
  try {
    return Claim.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
};

/** After a restoration nothing of it counts any more. */
export const forgetClaims = (file: string): void => rmSync(file, { force: true });

export class Claims {
  readonly #file: string;
  readonly #live: Live;
  readonly #warn: (message: string) => void;
  readonly #heardOf = new Set<PeerId>();
  #greatest: Claim | undefined;

  /** `warn` hears of each peer once. */
  constructor(file: string, live: Live, warn: (message: string) => void) {
    this.#file = file;
    this.#live = live;
    this.#warn = warn;
    this.#greatest = readClaim(file);
    live.subscribe(({ commit }) => {
      if (!commit.events.some(({ type }) => type === 'LogRestored')) return;
      this.#greatest = undefined;
      this.#heardOf.clear();
    });
  }

  /** A client names where it is. */
  hear(peerId: PeerId, head: Head): void {
    if (!this.#isForeign(head) || this.#heardOf.has(peerId)) return;
    this.#heardOf.add(peerId);
    const name = this.#live.network.peer(peerId)?.name ?? RecordedName.parse(String(peerId));
    this.#warn(
      `${name} has followed this network to position ${head.position} of another history: if an older copy of the ` +
        'log was put back, say so: innernet-server restored',
    );
    const greatest = this.#greatest;
    if (greatest?.hash === head.hash) {
      const saidBy = [...(greatest.saidBy ?? []), name];
      if (saidBy.length <= MAX_NAMED) this.#keep({ ...greatest, saidBy });
    } else if (head.position > (greatest?.position ?? 0)) this.#keep({ ...head, saidBy: [name] });
  }

  /** Beyond our end, or another hash than ours; what a restoration has given up already is no news. */
  #isForeign({ position, hash }: Head): boolean {
    const { head, window, network } = this.#live;
    const own = window.hashAt(position);
    if (position > head.position + FARTHEST || own === hash) return false;
    if (position <= head.position && own === undefined) return false; // too long ago to be told
    return !network.restorations.some((it) => it.position <= position && position <= it.lostPosition);
  }

  /** A full disk costs no more than this hint. */
  #keep(claim: Claim): void {
    this.#greatest = claim;
    try {
      writeFileSync(this.#file, JSON.stringify(claim), { mode: 0o600 });
    } catch {
      if (existsSync(this.#file)) rmSync(this.#file, { force: true });
    }
  }
}
