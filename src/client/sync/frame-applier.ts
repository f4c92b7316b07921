/** Applies judged effects: to the journal, then the mirror, then the device. */
import { printable } from '../../domain/rejection.ts';
import type { Turns } from '../../machine/turns.ts';
import { Failure } from '../../values/failure.ts';
import type { PeerId } from '../../values/id.ts';
import type { Journal, StatePaths } from '../memory/journal.ts';
import type { Changes, Effect, Mirror } from '../memory/mirror.ts';
import { heldReason } from '../memory/pins.ts';
import { restoredSentence } from '../memory/restored.ts';
import type { DeviceKeeper } from '../tunnels/device-keeper.ts';

/** Quiet time before folding. */
const FOLD_AFTER_MS = 10_000;

export type FrameApplierOptions = {
  journal: Journal;
  keeper: DeviceKeeper;
  paths: StatePaths;
  /** Of the journal's owner. */
  turns: Turns;
  /** Peers came, left or changed. */
  onChange: () => void;
  say: (message: string) => void;
};

const isChange = ({ added, removed, changed }: Changes): boolean =>
  added.length + removed.length + changed.length > 0;

export class FrameApplier {
  readonly #options: FrameApplierOptions;
  readonly #mirror: Mirror;
  #complaint: string | undefined;
  #fold: NodeJS.Timeout | undefined;

  constructor(options: FrameApplierOptions) {
    this.#options = options;
    this.#mirror = options.journal.kept.mirror;
  }

  /** Throws a `Failure` when writing fails, after taking removals. `joined`: peers that just joined. */
  async commit(effect: Effect, joined?: readonly PeerId[]): Promise<void> {
    const { journal, keeper, paths, onChange, say } = this.#options;
    const wasHeld = this.#mirror.heldCount;
    try {
      await journal.append(effect);
    } catch (error) {
      await this.#obeyRemovals(effect);
      throw new Failure(`cannot write ${paths.journal}: ${(error as Error).message}`, { cause: error });
    }
    this.relieve();
    this.#sayYielding(effect);
    const changes = this.#mirror.take(effect);
    await keeper.apply(changes, joined);
    if (effect.restored) say(restoredSentence(effect.restored));
    if (this.#mirror.heldCount > wasHeld) this.#sayHeld(effect);
    if (isChange(changes)) onChange();
    this.foldSoon();
  }

  /** Says a lasting problem once, until the next success. */
  complain(message: string): void {
    if (message !== this.#complaint) this.#options.say(message);
    this.#complaint = message;
  }

  relieve(): void {
    this.#complaint = undefined;
  }

  /** Saves changes that have no effect in the journal. */
  foldSoon(): void {
    const { journal, turns } = this.#options;
    const fold = () => void turns.take(() => this.#foldNow());
    clearTimeout(this.#fold);
    if (journal.isLong) fold();
    else this.#fold = setTimeout(fold, FOLD_AFTER_MS);
  }

  /** Folds and closes both files. */
  async close(): Promise<void> {
    clearTimeout(this.#fold);
    await this.#foldNow();
    await this.#options.journal.close();
  }

  /** A full disk must keep no peer in; the rest comes again with the frame. */
  async #obeyRemovals({ peers, routes, released }: Effect): Promise<void> {
    const changes = this.#mirror.take({
      peers: { changed: [], removed: peers.removed },
      cidrs: { changed: [], removed: [] },
      ...(routes ? { routes: { changed: [], removed: routes.removed } } : {}),
      held: [],
      released: released.filter((id) => peers.removed.includes(id)),
    });
    await this.#options.keeper.apply(changes);
  }

  #sayYielding(effect: Effect): void {
    for (const { name, ip } of this.#mirror.yielding(effect))
      this.#options.say(
        `the pin of "${printable(name)}" at ${ip}, which was never met, yields to what the server has proved`,
      );
  }

  #sayHeld({ held }: Effect): void {
    for (const one of held)
      this.#options.say(
        `the peer "${printable(one.row.name)}" is held back (${one.rule}): ${heldReason(one)}`,
      );
  }

  async #foldNow(): Promise<void> {
    const { journal, paths } = this.#options;
    if (!this.#mirror.head) return;
    await journal
      .fold()
      .catch((error: Error) => this.complain(`cannot write ${paths.state}: ${error.message}`));
  }
}
