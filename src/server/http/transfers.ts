/** Big answers on their way: few at a time, one for each peer, and none that a reader keeps open by reading nothing. */
import type { ServerResponse } from 'node:http';

/** At a time; others wait for their turn. */
const MOST_TRANSFERS = 64;
/** Bytes after which is looked whether the reader goes on. */
const PIECE = 128 * 1024;
/** Pieces that are written before everybody else has their turn: some 2 ms. */
const PIECES_AT_ONCE = 8;
/** A reader that takes no piece for this long is cut off, in milliseconds. */
const SLOWEST_PIECE = 10_000;

/** `K` names those who have one each. */
export class Transfers<K> {
  readonly #most: number;
  readonly #onCut: (peer: K) => void;
  readonly #running = new Map<K, ServerResponse>();
  readonly #waiting: (() => void)[] = [];
  /** What writes the next piece, for each reader that has taken the one before. */
  readonly #ready: (() => void)[] = [];
  #next: NodeJS.Immediate | undefined;
  #taken = 0;

  /** `onCut` hears of peers whose transfers are cut off. */
  constructor(onCut: (peer: K) => void, most = MOST_TRANSFERS) {
    this.#onCut = onCut;
    this.#most = most;
  }

  /** Resolves when it is this answer's turn, which lasts until it has closed. An older one to the same peer is cut off. */
  async turn(peer: K, response: ServerResponse): Promise<void> {
    const older = this.#running.get(peer);
    this.#running.set(peer, response);
    if (older && !older.writableFinished) this.#cut(peer, older);
    if (this.#taken >= this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#taken += 1;
    const leave = (): void => this.#leave(peer, response);
    if (response.destroyed || response.socket?.destroyed !== false) leave();
    else response.once('close', leave);
  }

  /**
   * Writes an answer's bytes piece by piece, as the reader takes them, and ends it. No copy is made, since thousands may
   * be given the very same, and no stream stands in between: that would cost as much as the writing.
   */
  send(peer: K, response: ServerResponse, members: readonly Buffer[]): void {
    if (response.destroyed) return;
    const watch = setTimeout(() => this.#cut(peer, response), SLOWEST_PIECE);
    response.once('close', () => clearTimeout(watch));
    const pieces = piecesOf(members);
    const goOn = (): void => {
      if (response.destroyed) return;
      watch.refresh();
      for (let written = 0; written < PIECE; ) {
        const { done, value } = pieces.next();
        if (done) return void response.end();
        response.write(value);
        written += value.length;
      }
      response.once('drain', () => this.#soon(goOn));
    };
    this.#soon(goOn);
  }

  #soon(write: () => void): void {
    this.#ready.push(write);
    this.#next ??= setImmediate(() => this.#writeSome());
  }

  #writeSome(): void {
    this.#next = undefined;
    for (const write of this.#ready.splice(0, PIECES_AT_ONCE)) write();
    if (this.#ready.length > 0) this.#next ??= setImmediate(() => this.#writeSome());
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

/** As views of the same memory. */
function* piecesOf(members: readonly Buffer[]): Generator<Buffer, undefined> {
  for (const bytes of members)
    for (let start = 0; start < bytes.length; start += PIECE) yield bytes.subarray(start, start + PIECE);
}
