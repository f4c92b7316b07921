/**
 * The list of peers as each admin last got it. innernet's clients put back whole rows: only against the row that
 * they had can be told which field they meant to change.
 */
import type { V1Peer } from '../../protocol/v1.ts';
import type { PeerId } from '../../values/id.ts';

/** A list is kept this long, in milliseconds. */
const KEPT = 600_000;

type Served = { rows: ReadonlyMap<number, V1Peer>; timer: NodeJS.Timeout };

export class ServedPeers {
  readonly #lists = new Map<PeerId, Served>();

  /** Remembers what a caller is being sent, instead of what it was sent before. */
  keep(caller: PeerId, rows: readonly V1Peer[]): void {
    clearTimeout(this.#lists.get(caller)?.timer);
    const timer = setTimeout(() => this.#lists.delete(caller), KEPT).unref();
    this.#lists.set(caller, { rows: new Map(rows.map((row) => [row.id, row])), timer });
  }

  /** The row as the caller last got it; undefined when that was too long ago or never. */
  rowFor(caller: PeerId, id: PeerId): V1Peer | undefined {
    return this.#lists.get(caller)?.rows.get(id);
  }

  close(): void {
    for (const { timer } of this.#lists.values()) clearTimeout(timer);
    this.#lists.clear();
  }
}
