/** Heads that clients name and the log does not know: the sign of an older copy. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import type { Head } from '../../store/log.ts';
import { Hash, type PeerId, Position } from '../../values/id.ts';
import { RecordedName } from '../../values/name.ts';
import type { Live } from '../live/live.ts';

/** `saidBy`: some of the peers that named this head. */
const Claim = z.object({ position: Position, hash: Hash, saidBy: z.array(RecordedName).optional() });
export type Claim = z.infer<typeof Claim>;

/** Enough to judge how many peers said it. */
const MAX_NAMED = 10;

/** In records; a log grows less in years. */
const MAX_AHEAD = 10_000_000;

/** Undefined if no client named one or the file is unreadable. */
export const readClaim = (file: string): Claim | undefined => {
  try {
    return Claim.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
};

/** Claims from before a restoration do not count. */
export const forgetClaims = (file: string): void => rmSync(file, { force: true });

export class Claims {
  readonly #file: string;
  readonly #live: Live;
  readonly #warn: (message: string) => void;
  readonly #heardOf = new Set<PeerId>();
  #greatest: Claim | undefined;

  /** `warn` is called once per peer. */
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

  /** Beyond our end or another hash than ours, unless a restoration has given it up. */
  #isForeign({ position, hash }: Head): boolean {
    const { head, window, network } = this.#live;
    const own = window.hashAt(position);
    if (position > head.position + MAX_AHEAD || own === hash) return false;
    if (position <= head.position && own === undefined) return false; // too long ago to be told
    return !network.restorations.some((it) => it.position <= position && position <= it.lostPosition);
  }

  /** On a full disk only this hint is lost. */
  #keep(claim: Claim): void {
    this.#greatest = claim;
    try {
      writeFileSync(this.#file, JSON.stringify(claim), { mode: 0o600 });
    } catch {
      if (existsSync(this.#file)) rmSync(this.#file, { force: true });
    }
  }
}
