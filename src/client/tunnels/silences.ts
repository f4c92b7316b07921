/** Which routers do not answer, by what WireGuard counts; no I/O. */
import type { PublicKey } from '../../values/key.ts';
import type { DeviceState } from '../../wireguard/device.ts';

/** Own traffic without an answer: until the other's program is asked, and again. */
const ASK_AFTER_MS = 1000;
const ASK_AGAIN_MS = 200;
/** Between looks: with traffic, without, and without among many. */
const LOOK = { busy: 250, idle: 2000 } as const;
const BUSY_FOR_MS = 10_000;
/** An empty WireGuard packet is no traffic. */
const EMPTY_PACKET_BYTES = 32;

type Watched = {
  rx: number;
  tx: number;
  unansweredSince: number | undefined;
  askAt: number;
  busyUntil: number;
  isSilent: boolean;
};

export class Silences {
  readonly #watched = new Map<PublicKey, Watched>();
  /** In ms of the monotonic clock. */
  nextDue = Number.POSITIVE_INFINITY;

  get keys(): Iterable<PublicKey> {
    return this.#watched.keys();
  }

  /** Others are no longer watched. */
  watch(keys: ReadonlySet<PublicKey>, now: number): void {
    for (const key of this.#watched.keys()) if (!keys.has(key)) this.#watched.delete(key);
    for (const key of keys) if (!this.#watched.has(key)) this.#watched.set(key, fresh());
    this.nextDue =
      this.#watched.size > 0 ? Math.min(this.nextDue, now + LOOK.busy) : Number.POSITIVE_INFINITY;
  }

  /** `patience`: of a silence, in ms. Gives those whose program is to be asked. */
  tick(state: DeviceState, now: number, patience: (key: PublicKey) => number): PublicKey[] {
    const asked: PublicKey[] = [];
    let wait: number = LOOK.idle;
    for (const [key, watched] of this.#watched) {
      const has = state.peers.get(key);
      if (has) take(watched, has, now);
      const since = watched.unansweredSince;
      if (since !== undefined && now - since >= patience(key)) watched.isSilent = true;
      if (watched.busyUntil > now) wait = LOOK.busy;
      if (since === undefined || watched.isSilent || now - since < ASK_AFTER_MS || now < watched.askAt)
        continue;
      watched.askAt = now + ASK_AGAIN_MS;
      asked.push(key);
    }
    this.nextDue = this.#watched.size > 0 ? now + wait : Number.POSITIVE_INFINITY;
    return asked;
  }

  /** Its program has answered. */
  hear(key: PublicKey): void {
    const watched = this.#watched.get(key);
    if (watched) answer(watched);
  }

  isSilent(key: PublicKey): boolean {
    return this.#watched.get(key)?.isSilent ?? false;
  }
}

const fresh = (): Watched => ({
  rx: -1,
  tx: -1,
  unansweredSince: undefined,
  askAt: 0,
  busyUntil: 0,
  isSilent: false,
});

const answer = (watched: Watched): void => {
  watched.unansweredSince = undefined;
  watched.isSilent = false;
};

/** A peer that is made again counts from zero. */
const grownBy = (before: number, now: number): number => (now < before ? now : now - before);

const take = (
  watched: Watched,
  { rxBytes, txBytes }: { rxBytes: number; txBytes: number },
  now: number,
): void => {
  const isFirst = watched.rx < 0;
  const [received, sent] = [grownBy(watched.rx, rxBytes), grownBy(watched.tx, txBytes)];
  watched.rx = rxBytes;
  watched.tx = txBytes;
  if (isFirst) return;
  if (received > 0) answer(watched);
  else if (sent > EMPTY_PACKET_BYTES) watched.unansweredSince ??= now;
  if (sent > EMPTY_PACKET_BYTES || received > EMPTY_PACKET_BYTES) watched.busyUntil = now + BUSY_FOR_MS;
};
