/** Clients that know more than the log here: it may be merely catching up, so they wait, are sent away, then hear the truth. */
import { CLOSE } from '../../protocol/frames.ts';
import type { StreamQuery } from '../../protocol/stream-query.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { StreamSocket } from './member.ts';

/** For the log to reach the client's position. */
const CATCHING_UP_MS = 3_000;
const LOOK_EVERY_MS = 50;
/** Who comes back within this time found no other server that knows more. */
const SENT_AWAY_FOR_MS = 120_000;

type SentAway = { position: Position; at: number };

export class Behind {
  readonly #live: Live;
  readonly #sentAway = new Map<PeerId, SentAway>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(live: Live) {
    this.#live = live;
  }

  /** Whether the stream can begin now: the log knows the client's position, gave it up, or sent the client away before. */
  isMet(peerId: PeerId, query: StreamQuery): boolean {
    const sent = this.#sentAway.get(peerId);
    if (this.#knows(query)) {
      this.#sentAway.delete(peerId);
      return true;
    }
    return sent?.position === query.position && performance.now() - (sent?.at ?? 0) < SENT_AWAY_FOR_MS;
  }

  /** Begins once the log has reached the client's position, else ends the socket. */
  wait(socket: StreamSocket, peerId: PeerId, query: StreamQuery, begin: () => void): void {
    const since = performance.now();
    const timer = setInterval(() => {
      const isLate = performance.now() - since >= CATCHING_UP_MS;
      const isOpen = socket.readyState === socket.OPEN;
      if (isOpen && !isLate && !this.#knows(query)) return;
      clearInterval(timer);
      this.#timers.delete(timer);
      if (!isOpen) return;
      if (this.#knows(query)) begin();
      else this.#sendAway(socket, peerId, query);
    }, LOOK_EVERY_MS);
    this.#timers.add(timer);
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #sendAway(socket: StreamSocket, peerId: PeerId, { position = 0 }: StreamQuery): void {
    this.#sentAway.set(peerId, { position, at: performance.now() });
    socket.close(CLOSE.behind, 'behind');
  }

  #knows({ position, hash }: StreamQuery): boolean {
    const { head, network } = this.#live;
    if (position === undefined || hash === undefined || position <= head.position) return true;
    return network.restorations.some((it) => it.position <= position && position <= it.lostPosition);
  }
}
