/** The peer list last served to each admin, which shows the fields that a whole-row PUT changes. */
import type { V1Peer } from '../../protocol/v1.ts';
import type { PeerId } from '../../values/id.ts';

const KEPT_MS = 600_000;

type Served = { rows: ReadonlyMap<number, V1Peer>; timer: NodeJS.Timeout };

export class ServedPeers {
  readonly #lists = new Map<PeerId, Served>();

  keep(caller: PeerId, rows: readonly V1Peer[]): void {
    clearTimeout(this.#lists.get(caller)?.timer);
    const timer = setTimeout(() => this.#lists.delete(caller), KEPT_MS).unref();
    this.#lists.set(caller, { rows: new Map(rows.map((row) => [row.id, row])), timer });
  }

  /** Undefined if never served or too long ago. */
  rowFor(caller: PeerId, id: PeerId): V1Peer | undefined {
    return this.#lists.get(caller)?.rows.get(id);
  }

  close(): void {
    for (const { timer } of this.#lists.values()) clearTimeout(timer);
    this.#lists.clear();
  }
}
