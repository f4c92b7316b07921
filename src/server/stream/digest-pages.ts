/** The digests of the log, a page at a time, as bytes: those of whole pages never change, so they are kept. */
import type { Position } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { Answerer } from '../past/answerer.ts';
import { DIGEST_BYTES, digestBytes } from '../past/digests.ts';

/** Records in a page. */
const PAGE = 5_000;
/** Pages that are kept: 5 MiB. */
const MAX_PAGES = 16;

/** What has been asked for of the page that still grows. */
type Tail = { after: Position; to: Position; bytes: Uint8Array };

export class DigestPages {
  readonly #live: Live;
  readonly #past: Pick<Answerer, 'digests'>;
  /** By number, the one used last at the end. */
  readonly #pages = new Map<number, Promise<Uint8Array>>();
  #tail: Tail = { after: 0, to: 0, bytes: new Uint8Array() };

  /** `past` is asked for what is no longer in the live window. */
  constructor(live: Live, past: Pick<Answerer, 'digests'>) {
    this.#live = live;
    this.#past = past;
  }

  /** The digests of the records in (after, to], which must be there, as the items of a JSON list. */
  async between(after: Position, to: Position): Promise<Uint8Array[]> {
    const { position: head } = this.#live.head;
    const pieces: Promise<Uint8Array>[] = [];
    for (let from = after; from < to; from = endOf(from)) {
      const start = from - (from % PAGE);
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

  /** What came since the last time is added. The page that grows is shorter than the live window. */
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

/** Where the page of the record after a position ends. */
const endOf = (position: Position): Position => position - (position % PAGE) + PAGE;
