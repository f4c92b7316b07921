/** Limits that a peer may not exceed: counted, and reported once an hour per peer and limit. */

/** Read after the peer's address. */
const SENTENCES = {
  calls: 'asks more often than it may: it is refused the rest',
  questions: 'asks more of the log at a time than is answered: it is refused the rest',
  sockets: 'opens more connections than it may: it is refused the rest',
  silence: 'opens connections over which nothing is said or proved in time: they are closed',
  proofs: 'sends proofs that its key did not make, or that were heard before: it is refused',
  streams: 'opens more streams than it may: the oldest is closed',
  transfers: 'reads a snapshot too slowly, or asks for another meanwhile: the transfer is cut off',
  frames: 'sends more frames than are heard of one client: the rest waits',
  badFrame: 'sent a frame that cannot be understood: its stream is closed',
  slow: 'reads its stream too slowly: it is cut off',
  endpointChanges: 'changes its endpoint more often than it may: it is refused the rest',
  malformed: 'sends what is not HTTP, too slowly or with too long a head: it is hung up on',
  strangers: 'is not a known and enabled peer, or does not speak as one: it hears nothing',
} as const;

export type Limit = keyof typeof SENTENCES;

const SAID_EVERY_MS = 3_600_000;
/** Beyond this all are forgotten, and some reported again. */
const MAX_TOLD = 10_000;

export class Limits {
  readonly #counts = new Map<Limit, number>();
  readonly #told = new Map<string, number>();
  readonly #say: (message: string) => void;

  constructor(say: (message: string) => void = () => {}) {
    this.#say = say;
  }

  /** Since the start, zeros included. */
  *counts(): Generator<[Limit, number]> {
    for (const limit of Object.keys(SENTENCES) as Limit[]) yield [limit, this.#counts.get(limit) ?? 0];
  }

  exceeded(limit: Limit, address: string | undefined): void {
    this.#counts.set(limit, (this.#counts.get(limit) ?? 0) + 1);
    const who = `${limit} ${address}`;
    const now = performance.now();
    const told = this.#told.get(who);
    if (told !== undefined && now - told < SAID_EVERY_MS) return;
    if (this.#told.size >= MAX_TOLD) this.#told.clear();
    this.#told.set(who, now);
    this.#say(`${address ?? 'somebody'} ${SENTENCES[limit]}`);
  }
}
