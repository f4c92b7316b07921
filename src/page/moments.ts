/** Which moment is shown, and which two are compared. */
import { batch, computed, signal } from '@preact/signals';
import { differenceOf } from '../domain/difference.ts';
import type { Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import type { Desk } from './desk.ts';
import type { Memory } from './memory.ts';
import type { Comparison, Entry, Shown } from './page.ts';

/** A slider is moved before the server is asked. */
const SETTLE_MS = 150;

const busiest = (entries: readonly Entry[]): Comparison['by'] => {
  const counts = new Map<string, number>();
  for (const { who } of entries) counts.set(who, (counts.get(who) ?? 0) + 1);
  return [...counts].map(([who, count]) => ({ who, count })).sort((left, right) => right.count - left.count);
};

export class Moments {
  readonly moment = signal<Position | 'now'>('now');
  readonly isLoading = signal(false);
  readonly comparison = signal<Comparison | undefined>(undefined);
  readonly shown = computed(() => (this.moment.value === 'now' ? this.#memory.now.value : this.#past.value));
  readonly #past = signal<Shown | undefined>(undefined);
  readonly #desk: Desk;
  readonly #memory: Memory;
  /** Answers to an older wish are dropped. */
  #wish = { moment: 0, comparison: 0 };

  constructor(desk: Desk, memory: Memory) {
    this.#desk = desk;
    this.#memory = memory;
  }

  goTo(moment: Position | 'now'): void {
    this.#desk.trouble.value = undefined;
    this.#wish.moment += 1;
    if (moment === 'now' || moment >= (this.#memory.now.value?.position ?? 0)) {
      batch(() => {
        this.moment.value = 'now';
        this.isLoading.value = false;
      });
      return;
    }
    if (!this.#desk.mayAsk()) return;
    const here = this.#memory.here(moment);
    if (here) this.#show(here);
    else void this.#fetch(moment, this.#wish.moment);
  }

  async goToTime(time: Timestamp): Promise<void> {
    try {
      this.goTo(await this.#memory.positionAt(time));
    } catch (error) {
      this.#desk.fail(error);
    }
  }

  step(by: 1 | -1): void {
    const { entries } = this.#memory.history.value;
    const position = this.shown.value?.position ?? 0;
    const first = entries[0]?.position ?? 1;
    const index = position - first;
    if (by === 1) {
      this.goTo(entries[index + 1]?.commitEnd ?? 'now');
      return;
    }
    let before = index;
    while (before >= 0 && entries[before]?.commitEnd === position) before -= 1;
    if (before >= 0 || first === 1) this.goTo((first + before) as Position);
  }

  compare(from: Position, to: Position | 'now'): void {
    if (!this.#desk.mayAsk()) return;
    const end = to === 'now' ? (this.#memory.now.value?.position ?? 0) : to;
    const [early, late] = from <= end ? [from, end] : [end, from];
    this.#wish.comparison += 1;
    void this.#compare(early as Position, late as Position, this.#wish.comparison);
  }

  endCompare(): void {
    this.#wish.comparison += 1;
    this.comparison.value = undefined;
  }

  #show(shown: Shown): void {
    batch(() => {
      this.#past.value = shown;
      this.moment.value = shown.position;
      this.isLoading.value = false;
    });
  }

  async #fetch(moment: Position, wish: number): Promise<void> {
    this.isLoading.value = true;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    if (wish !== this.#wish.moment) return;
    try {
      const shown = await this.#memory.at(moment);
      if (wish === this.#wish.moment) this.#show(shown);
    } catch (error) {
      if (wish !== this.#wish.moment) return;
      this.isLoading.value = false;
      this.#desk.fail(error);
    }
  }

  async #compare(early: Position, late: Position, wish: number): Promise<void> {
    try {
      const [from, to] = [await this.#memory.at(early), await this.#memory.at(late)];
      const entries = await this.#memory.entries(from.position, to.position);
      if (wish !== this.#wish.comparison) return;
      const difference = differenceOf(from.network, to.network);
      this.comparison.value = { from, to, difference, by: busiest(entries), entries };
    } catch (error) {
      if (wish === this.#wish.comparison) this.#desk.fail(error);
    }
  }
}
