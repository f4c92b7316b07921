/** Limits initiations of this machine, so that a list of endpoints cannot aim it at others. */
import { hostOf, type SocketAddress } from '../../values/endpoint.ts';

/** Initiations a second, to one address and in all; the server's own endpoint does not count. */
const MAX_TO_ONE = 4;
const MAX_IN_ALL = 50;
/** For router openings: own handshakes come first. */
export const MAX_WITH_OPENINGS = 25;
/** When the budget is used up. */
export const QUEUE_PAUSE_MS = 200;
const SECOND_MS = 1000;

export class Budget {
  readonly #recent: { host: string; at: number }[] = [];
  readonly #toHost = new Map<string, number>();

  /** Takes one initiation unless `most` were taken in the last second; `now` in monotonic ms. */
  take(endpoint: SocketAddress, now: number, most = MAX_IN_ALL): boolean {
    this.#forget(now - SECOND_MS);
    const host = hostOf(endpoint);
    const sent = this.#toHost.get(host) ?? 0;
    if (sent >= MAX_TO_ONE || this.#recent.length >= most) return false;
    this.#recent.push({ host, at: now });
    this.#toHost.set(host, sent + 1);
    return true;
  }

  #forget(until: number): void {
    while (this.#recent[0] && this.#recent[0].at <= until) {
      const { host } = this.#recent.shift() as { host: string };
      const left = (this.#toHost.get(host) ?? 1) - 1;
      if (left === 0) this.#toHost.delete(host);
      else this.#toHost.set(host, left);
    }
  }
}
