/** Takes what was judged: it is written down, then in the mirror, then on the device, in this order. */
import { printable } from '../../domain/rejection.ts';
import { Failure } from '../../values/failure.ts';
import type { PeerId } from '../../values/id.ts';
import type { Turns } from '../../wireguard/device.ts';
import type { Journal, StatePaths } from '../memory/journal.ts';
import type { Changes, Effect, Mirror, Verdict } from '../memory/mirror.ts';
import { heldReason } from '../memory/pins.ts';
import { restoredSentence } from '../memory/restored.ts';
import type { DeviceKeeper } from '../tunnels/device-keeper.ts';

/** After this much quiet the journal goes into the state file, in milliseconds. */
const FOLD_AFTER = 10_000;

export type UptakeParts = {
  journal: Journal;
  keeper: DeviceKeeper;
  paths: StatePaths;
  /** The turns in which the journal's owner does everything. */
  turns: Turns;
  /** Hears that peers came, went or changed. */
  onChange: () => void;
  say: (message: string) => void;
};

const isChange = ({ added, removed, changed }: Changes): boolean =>
  added.length + removed.length + changed.length > 0;

export class Uptake {
  readonly #parts: UptakeParts;
  readonly #mirror: Mirror;
  #complaint: string | undefined;
  #fold: NodeJS.Timeout | undefined;

  constructor(parts: UptakeParts) {
    this.#parts = parts;
    this.#mirror = parts.journal.kept.mirror;
  }

  /**
   * Throws a `Failure` when it cannot be written down: then nothing is taken but removals. `joined` are peers that have
   * joined in this moment.
   */
  async commit(effect: Effect, joined?: readonly PeerId[]): Promise<void> {
    const { journal, keeper, paths, onChange, say } = this.#parts;
    const wasHeld = this.#mirror.heldCount;
    try {
      await journal.append(effect);
    } catch (error) {
      await this.#obeyRemovals(effect);
      throw new Failure(`cannot write ${paths.journal}: ${(error as Error).message}`, { cause: error });
    }
    this.#complaint = undefined;
    this.#sayYielding(effect);
    const changes = this.#mirror.take(effect);
    await keeper.apply(changes, joined);
    if (effect.restored) say(restoredSentence(effect.restored));
    if (this.#mirror.heldCount > wasHeld) this.#sayHeld(effect);
    if (isChange(changes)) onChange();
    this.foldSoon();
  }

  /** What another history than before does: it is told once, and removals are obeyed. */
  async alarm(effect: Effect): Promise<void> {
    const { peers, released, alarm } = effect;
    if (this.#mirror.alarm && peers.removed.length + released.length === 0) return;
    if (!this.#mirror.alarm && alarm)
      this.#parts.say(
        `ALARM: the server shows another history than before (${alarm.breach} at position ${alarm.position}): ` +
          'tunnels stay, peers that it removes go, nobody is let in',
      );
    await this.commit(effect);
  }

  /** Takes what was judged of all rows at once: there is no more to ask for. */
  whole(verdict: Verdict): Promise<void> {
    switch (verdict.kind) {
      case 'take':
        return this.commit(verdict.effect);
      case 'alarm':
        return this.alarm(verdict.effect);
      case 'known':
      case 'gap':
      case 'fetch':
        return Promise.resolve();
    }
  }

  /** What lasts through many attempts is said once, until something is taken again. */
  complain(message: string): void {
    if (message !== this.#complaint) this.#parts.say(message);
    this.#complaint = message;
  }

  /** Whatever was complained of is over. */
  relieved(): void {
    this.#complaint = undefined;
  }

  /** Puts everything into the state file and lets go of both files. */
  async close(): Promise<void> {
    clearTimeout(this.#fold);
    await this.#foldNow();
    await this.#parts.journal.close();
  }

  /** A full disk must keep nobody in: what leaves goes at once, the rest comes again with the same frame. */
  async #obeyRemovals({ peers, released }: Effect): Promise<void> {
    const changes = this.#mirror.take({
      peers: { changed: [], removed: peers.removed },
      cidrs: { changed: [], removed: [] },
      held: [],
      released: released.filter((id) => peers.removed.includes(id)),
    });
    await this.#parts.keeper.apply(changes);
  }

  #sayYielding(effect: Effect): void {
    for (const { name, ip } of this.#mirror.yielding(effect))
      this.#parts.say(
        `the pin of "${printable(name)}" at ${ip}, which was never met, yields to what the server has proved`,
      );
  }

  #sayHeld({ held }: Effect): void {
    for (const one of held)
      this.#parts.say(`the peer "${printable(one.row.name)}" is held back (${one.rule}): ${heldReason(one)}`);
  }

  /** What changed without an effect is written down too. */
  foldSoon(): void {
    const { journal, turns } = this.#parts;
    const fold = () => void turns.take(() => this.#foldNow());
    clearTimeout(this.#fold);
    if (journal.isLong) fold();
    else this.#fold = setTimeout(fold, FOLD_AFTER);
  }

  async #foldNow(): Promise<void> {
    const { journal, paths } = this.#parts;
    if (!this.#mirror.head) return;
    await journal
      .fold()
      .catch((error: Error) => this.complain(`cannot write ${paths.state}: ${error.message}`));
  }
}
