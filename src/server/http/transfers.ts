/** Big answers on their way: few at a time, one for each peer, and none that a reader keeps open by reading nothing. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** At a time; others wait for their turn. */
const MAX_TRANSFERS = 64;
/** Bytes after which a reader has to have taken those before. */
const PIECE_BYTES = 128 * 1024;
const MAX_PIECE_MS = 10_000;

/** `K` names those who have one each. */
export class Transfers<K> {
  readonly #max: number;
  readonly #onCut: (peer: K) => void;
  readonly #running = new Map<K, ServerResponse>();
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  /** `onCut` hears of peers whose transfers are cut off. */
  constructor(onCut: (peer: K) => void, max = MAX_TRANSFERS) {
    this.#onCut = onCut;
    this.#max = max;
  }

  /** Resolves when it is this answer's turn, which lasts until it has closed. An older one to the same peer is cut off. */
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

  /** An answer's bytes, given out piece by piece as the reader takes them; one that takes none for too long is cut off. */
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

/** As views of the same memory: thousands may be given the very same bytes. */
function* piecesOf(members: readonly Buffer[], watch: NodeJS.Timeout): Generator<Buffer, undefined> {
  for (const bytes of members)
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      watch.refresh();
      yield bytes.subarray(start, start + PIECE_BYTES);
    }
}
