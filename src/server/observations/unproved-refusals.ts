/** Peers refused for want of a proof by key: reported, counted, kept in a file. */

import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { Peer } from '../../domain/peer.ts';
import { printable, Rejected, shellWord } from '../../domain/rejection.ts';
import { actingPeer } from '../../events/actor.ts';
import type { NetworkEvent } from '../../events/schema.ts';
import { replaceUnsynced } from '../../machine/durable.ts';
import { UnprovedRefusal } from '../../protocol/rows.ts';
import type { PeerId } from '../../values/id.ts';
import type { Timestamp } from '../../values/time.ts';
import type { ControlPlane } from '../commands/control-plane.ts';
import type { Live } from '../live/live.ts';

/** Between two warnings about one peer, and between two writes of the file. */
const SAID_EVERY_MS = 3_600_000;
const WRITE_EVERY_MS = 1_000;
const KEPT_MS = 7 * 86_400_000;

const Document = z.array(UnprovedRefusal);

/** None if the file is missing or damaged. */
export const readUnprovedRefusals = (file: string): UnprovedRefusal[] => {
  try {
    return Document.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return [];
  }
};

type Place = {
  /** For the suggested command. */
  network: string;
  file: string;
  live: Pick<Live, 'network' | 'subscribe'>;
  say: (message: string) => void;
};

export class UnprovedRefusals {
  readonly #place: Place;
  readonly #rows = new Map<PeerId, UnprovedRefusal>();
  readonly #said = new Map<PeerId, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(place: Place) {
    this.#place = place;
    const { file, live } = place;
    for (const row of readUnprovedRefusals(file))
      if (live.network.peer(row.peerId)) this.#rows.set(row.peerId, row);
    live.subscribe(({ commit }) => {
      for (const event of commit.events) this.#settle(event);
    });
  }

  /** Counts a refusal; the door calls it where no command was sent. */
  note(peer: Peer, now = new Date()): void {
    const count = (this.#rows.get(peer.id)?.count ?? 0) + 1;
    this.#rows.set(peer.id, { peerId: peer.id, count, last: now.toISOString() as Timestamp });
    this.#writeSoon();
    const told = this.#said.get(peer.id);
    if (told !== undefined && performance.now() - told < SAID_EVERY_MS) return;
    this.#said.set(peer.id, performance.now());
    this.#place.say(adviceOn(peer, this.#place.network));
  }

  /** In the order of each peer's first refusal. */
  rows(now = Date.now()): UnprovedRefusal[] {
    for (const { peerId, last } of this.#rows.values())
      if (Date.parse(last) + KEPT_MS < now) this.#rows.delete(peerId);
    return [...this.#rows.values()];
  }

  /** Counts refusals by `execute` for want of a proof. */
  watching(plane: Pick<ControlPlane, 'execute'>): Pick<ControlPlane, 'execute'> {
    return {
      execute: async (command, request) => {
        try {
          return await plane.execute(command, request);
        } catch (error) {
          const isUnproved = error instanceof Rejected && error.rejection.code === 'ProofNeeded';
          const peerId = actingPeer(request.actor);
          const peer = peerId === undefined ? undefined : this.#place.live.network.peer(peerId);
          if (isUnproved && peer) this.note(peer);
          throw error;
        }
      },
    };
  }

  close(): void {
    if (this.#timer) this.#write();
  }

  #settle(event: NetworkEvent): void {
    const isSettled = SETTLED_BY.has(event.type);
    if (event.type === 'ProofWaived' && event.peerId === undefined) this.#rows.clear();
    else if (
      !isSettled ||
      !('peerId' in event) ||
      event.peerId === undefined ||
      !this.#rows.delete(event.peerId)
    )
      return;
    this.#writeSoon();
  }

  #writeSoon(): void {
    this.#timer ??= setTimeout(() => this.#write(), WRITE_EVERY_MS).unref();
  }

  /** A full disk costs only what list-peers shows outside this process. */
  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { file } = this.#place;
    try {
      replaceUnsynced(file, JSON.stringify(this.rows()));
    } catch {}
  }
}

const SETTLED_BY = new Set<NetworkEvent['type']>([
  'ProofWaived',
  'PeerProved',
  'PeerDisabled',
  'PeerExpired',
  'PeerDeleted',
  'AdminRevoked',
]);

const adviceOn = ({ name, ip, hasProved }: Peer, network: string): string => {
  const who = `${printable(name)} (${ip})`;
  const what = hasProved
    ? `a request from ${who} held no proof by its key, which can prove itself: it is refused`
    : `${who} asked for a change without a proof by its key: it is refused`;
  const waive = `innernet-server waive-proof ${network} --name ${shellWord(name)}`;
  return `${what}; bring innernet there up to date, or let it go on without proofs: ${waive}`;
};
