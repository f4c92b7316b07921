/** What the log has gained is shown and acknowledged once each level standby has it, or after a limited wait. */
import type { Position } from '../../values/id.ts';

/** For a standby's disk; one that takes longer is not waited for until it is level again. */
export const MAX_WAIT_MS = 300;
/** A standby is level when it has all that is older: under constant change it never has all. */
const LEVEL_WITHIN_MS = 100;
/** Much longer than a standby is waited for. */
const FORGOTTEN_AFTER_MS = 1_000;
/** Per turn of the event loop. */
const SHOWN_AT_ONCE = 400;

/** A standby as the gate sees it. */
export type Waited = {
  /** What is on its disk. */
  position: Position;
  isLevel: boolean;
};

type Growth = { position: Position; at: number };
type Held = { position: Position; show: () => void };

export class Gate {
  /** Called when a standby has become level, or is not waited for any more. */
  onTurn: () => void = () => {};
  readonly #standbys = new Set<Waited>();
  /** The latest, oldest first; what was before them goes to `#base`. */
  readonly #growth: Growth[] = [];
  #base: Position;
  #head: Position;
  /** In the order of their positions. */
  #held: Held[] = [];
  #patience: NodeJS.Timeout | undefined;
  #next: NodeJS.Immediate | undefined;

  constructor(head: Position) {
    this.#head = head;
    this.#base = head;
  }

  /** What every level standby has; all there is while none is level. */
  get safe(): Position {
    let safe = this.#head;
    for (const { position, isLevel } of this.#standbys) if (isLevel) safe = Math.min(safe, position);
    return safe;
  }

  get isAnyLevel(): boolean {
    for (const { isLevel } of this.#standbys) if (isLevel) return true;
    return false;
  }

  /** The log goes to this position now. Call before anything of it is shown. */
  grow(position: Position): void {
    if (position <= this.#head) return;
    this.#head = position;
    const now = performance.now();
    this.#growth.push({ position, at: now });
    while (this.#growth[0] && this.#growth[0].at < now - FORGOTTEN_AFTER_MS)
      this.#base = this.#growth.shift()?.position ?? this.#base;
    this.#watch();
  }

  enter(standby: Waited): void {
    this.#standbys.add(standby);
    this.#judge(standby);
  }

  leave(standby: Waited): void {
    if (!this.#standbys.delete(standby) || !standby.isLevel) return;
    standby.isLevel = false;
    this.#turn();
  }

  /** It has all up to there on its disk. */
  confirm(standby: Waited, position: Position): void {
    if (!this.#standbys.has(standby)) return;
    standby.position = position;
    this.#judge(standby);
    this.#release();
  }

  /** Shows at once if the log is safe, else when it is, in the order of the calls. */
  pass(show: () => void): void {
    if (this.#held.length === 0 && this.safe >= this.#head) show();
    else this.#held.push({ position: this.#head, show });
  }

  /** Resolves when all that the log has now is safe. */
  level(): Promise<void> {
    return new Promise((resolve) => this.pass(resolve));
  }

  /** Shows all that is held. */
  close(): void {
    clearTimeout(this.#patience);
    clearImmediate(this.#next);
    this.#standbys.clear();
    for (const { show } of this.#held.splice(0)) show();
  }

  #judge(standby: Waited): void {
    if (standby.isLevel || standby.position < this.#old()) return;
    standby.isLevel = true;
    this.#turn();
  }

  #turn(): void {
    this.#release();
    this.#watch();
    this.onTurn();
  }

  /** What a level standby must have. */
  #old(): Position {
    const until = performance.now() - LEVEL_WITHIN_MS;
    return this.#growth.findLast(({ at }) => at <= until)?.position ?? this.#base;
  }

  /** Waits for what level standbys lack, and leaves out those that take too long. */
  #watch(): void {
    clearTimeout(this.#patience);
    const { safe } = this;
    if (safe >= this.#head) return;
    const missing = this.#growth.find(({ position }) => position > safe);
    if (!missing) return;
    const wait = Math.max(0, missing.at + MAX_WAIT_MS - performance.now());
    // Read what has arrived first: the server itself may be late.
    this.#patience = setTimeout(() => setImmediate(() => this.#lose(missing.position)), wait);
  }

  #lose(position: Position): void {
    const late = [...this.#standbys].filter((standby) => standby.isLevel && standby.position < position);
    for (const standby of late) standby.isLevel = false;
    if (late.length > 0) this.#turn();
    else this.#watch();
  }

  #release(): void {
    const { safe } = this;
    let count = 0;
    while (count < SHOWN_AT_ONCE && (this.#held[count]?.position ?? Number.POSITIVE_INFINITY) <= safe)
      count += 1;
    if (count === 0) return;
    for (const { show } of this.#held.splice(0, count)) show();
    if (this.#held.length === 0) return;
    this.#next ??= setImmediate(() => {
      this.#next = undefined;
      this.#release();
    });
  }
}
