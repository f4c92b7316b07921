/** Large answers: limited in number, one per peer, cut off if the reader stalls. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

const MAX_TRANSFERS = 64;
/** A reader must take one piece before the next. */
const PIECE_BYTES = 128 * 1024;
const MAX_PIECE_MS = 10_000;

/** `K` names the callers who take turns. */
export class Transfers<K> {
  readonly #max: number;
  readonly #onCut: (peer: K) => void;
  readonly #running = new Map<K, ServerResponse>();
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  /** `onCut`: called for each cut transfer. */
  constructor(onCut: (peer: K) => void, max = MAX_TRANSFERS) {
    this.#onCut = onCut;
    this.#max = max;
  }

  /** The turn lasts until the answer closes. Cuts off an older one to the same peer. */
  async turn(peer: K, response: ServerResponse): Promise<void> {
    const older = this.#running.get(peer);
    this.#running.set(peer, response);
    if (older && !older.writableFinished) this.#cut(peer, older);
    if (this.#taken >= this.#max) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#taken += 1;
    const leave = (): void => this.#leave(peer, response);
    if (response.destroyed || response.socket?.destroyed !== false) leave();
    else response.once('close', leave);
  }

  /** The answer in pieces; cut off if the reader takes none for too long. */
  bytesFor(peer: K, response: ServerResponse, members: readonly Buffer[]): Readable {
    const watch = setTimeout(() => this.#cut(peer, response), MAX_PIECE_MS);
    response.once('close', () => clearTimeout(watch));
    return Readable.from(piecesOf(members, watch), { objectMode: false, highWaterMark: PIECE_BYTES });
  }

  #cut(peer: K, response: ServerResponse): void {
    this.#onCut(peer);
    response.socket?.destroy();
  }

  #leave(peer: K, response: ServerResponse): void {
    if (this.#running.get(peer) === response) this.#running.delete(peer);
    this.#taken -= 1;
    this.#waiting.shift()?.();
  }
}

/** Views of the same memory, which thousands of readers may share. */
function* piecesOf(members: readonly Buffer[], watch: NodeJS.Timeout): Generator<Buffer, undefined> {
  for (const bytes of members)
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      watch.refresh();
      yield bytes.subarray(start, start + PIECE_BYTES);
    }
}
