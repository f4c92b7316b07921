/** The digests of the log as bytes, in pages; complete pages are cached. */
import type { Position } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { Answerer } from '../past/answerer.ts';
import { DIGEST_BYTES, digestBytes } from '../past/digests.ts';

const PAGE_RECORDS = 5_000;
/** 5 MiB. */
const MAX_PAGES = 16;

type Tail = { after: Position; to: Position; bytes: Uint8Array };

export class DigestPages {
  readonly #live: Live;
  readonly #past: Pick<Answerer, 'digests'>;
  /** Least recently used first. */
  readonly #pages = new Map<number, Promise<Uint8Array>>();
  #tail: Tail = { after: 0, to: 0, bytes: new Uint8Array() };

  constructor(live: Live, past: Pick<Answerer, 'digests'>) {
    this.#live = live;
    this.#past = past;
  }

  /** Digests of (after, to], which must exist, as items of a JSON list. */
  async between(after: Position, to: Position): Promise<Uint8Array[]> {
    const { position: head } = this.#live.head;
    const pieces: Promise<Uint8Array>[] = [];
    for (let from = after; from < to; from = endOf(from)) {
      const start = from - (from % PAGE_RECORDS);
      const bytes = endOf(from) <= head ? this.#page(start) : Promise.resolve(this.#tailUpTo(start, head));
      const until = Math.min(to, endOf(from)) - start;
      pieces.push(bytes.then((page) => page.subarray((from - start) * DIGEST_BYTES, until * DIGEST_BYTES)));
    }
    const found = await Promise.all(pieces);
    const last = found.pop();
    return last ? [...found, last.subarray(0, -1)] : [];
  }

  #page(start: Position): Promise<Uint8Array> {
    const page = this.#pages.get(start) ?? this.#read(start, endOf(start));
    this.#pages.delete(start);
    this.#pages.set(start, page);
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > MAX_PAGES && oldest !== undefined) this.#pages.delete(oldest);
    page.catch(() => this.#pages.delete(start)); // who asks next tries again
    return page;
  }

  async #read(after: Position, to: Position): Promise<Uint8Array> {
    const { window } = this.#live;
    return after >= window.start ? digestBytes(window.digests(after, to)) : this.#past.digests(after, to);
  }

  /** The growing page always lies within the live window. */
  #tailUpTo(after: Position, to: Position): Uint8Array {
    const known = this.#tail.after === after ? this.#tail : { after, to: after, bytes: new Uint8Array() };
    if (known.to < to) {
      const more = digestBytes(this.#live.window.digests(known.to, to));
      this.#tail = { after, to, bytes: Buffer.concat([known.bytes, more]) };
      return this.#tail.bytes;
    }
    return known.bytes;
  }
}

const endOf = (position: Position): Position => position - (position % PAGE_RECORDS) + PAGE_RECORDS;
