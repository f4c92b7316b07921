/** Which packets the kernel was told to pass on: two ways a session, while both ends have an address. */
import type { SocketAddress } from '../values/endpoint.ts';
import type { PeerId } from '../values/id.ts';
import { SESSION_MS, type Session } from './sessions.ts';

/** What arrives from an address with an index goes to another address: for the kernel to carry out. */
export type Way = { from: SocketAddress; index: number; to: SocketAddress };

export type WayEffect = { kind: 'open'; way: Way; forMs: number } | { kind: 'close'; way: Way };

export class ToldWays {
  readonly #addressOf: (peer: PeerId) => SocketAddress | undefined;
  readonly #told = new Map<Session, readonly Way[]>();

  constructor(addressOf: (peer: PeerId) => SocketAddress | undefined) {
    this.#addressOf = addressOf;
  }

  /** Brings what was told in line with the addresses of both ends. */
  level(sessions: Iterable<Session>, now: number): WayEffect[] {
    return Array.from(sessions).flatMap((session) => this.#levelOne(session, now));
  }

  close(sessions: readonly Session[]): WayEffect[] {
    return sessions.flatMap((session) => {
      const ways = this.#told.get(session) ?? [];
      this.#told.delete(session);
      return ways.map((way): WayEffect => ({ kind: 'close', way }));
    });
  }

  #levelOne(session: Session, now: number): WayEffect[] {
    const told = this.#told.get(session) ?? [];
    const wanted = this.#waysOf(session);
    if (told.map(textOf).join() === wanted.map(textOf).join()) return [];
    if (wanted.length > 0) this.#told.set(session, wanted);
    else this.#told.delete(session);
    const forMs = session.startedAt + SESSION_MS - now;
    return [
      ...told.map((way): WayEffect => ({ kind: 'close', way })),
      ...wanted.map((way): WayEffect => ({ kind: 'open', way, forMs })),
    ];
  }

  #waysOf({ ends: [left, right] }: Session): Way[] {
    const [one, other] = [this.#addressOf(left.peer), this.#addressOf(right.peer)];
    if (!one || !other) return [];
    return [
      { from: one, index: right.index, to: other },
      { from: other, index: left.index, to: one },
    ];
  }
}

const textOf = ({ from, index, to }: Way): string => `${from} ${index} ${to}`;
