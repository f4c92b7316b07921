/** What the server has observed of peers, kept by a standby in the file that `serve` begins with. */
import { replaceUnsynced } from '../../machine/durable.ts';
import type { ObservedPeer } from '../../protocol/log-frames.ts';
import type { PeerId } from '../../values/id.ts';
import { observationDocument } from '../observations/observation-file.ts';

const WRITE_EVERY_MS = 1_000;

export class KeptObservations {
  readonly #file: string;
  readonly #peers = new Map<PeerId, ObservedPeer>();
  #timer: NodeJS.Timeout | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  take(peers: readonly ObservedPeer[]): void {
    for (const peer of peers) this.#peers.set(peer.id, peer);
    this.#timer ??= setTimeout(() => this.close(), WRITE_EVERY_MS).unref();
  }

  /** Writes what is left. A full disk costs a few handshakes after a take-over. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#peers.size === 0) return;
    try {
      replaceUnsynced(this.#file, observationDocument([...this.#peers.values()]));
    } catch {
      // the file before it stays
    }
  }
}
