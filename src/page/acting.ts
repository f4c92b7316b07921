/** The one action in work: prepared by the server's dry run, shown, confirmed, committed. */
import { signal } from '@preact/signals';
import type { NetworkEvent } from '../events/schema.ts';
import { type Committed, PAGE_PATHS, type Prepared } from '../protocol/page.ts';
import type { Position } from '../values/id.ts';
import type { Desk } from './desk.ts';
import { Refused } from './door.ts';
import type { Memory } from './memory.ts';
import type { Act, Intent, Shown } from './page.ts';
import { ADMINS_ONLY, refusalIn } from './refusals.ts';

export class Acting {
  readonly act = signal<Act | undefined>(undefined);
  readonly #desk: Desk;
  readonly #memory: Memory;
  /** Answers to an older wish are dropped. */
  #wish = 0;

  constructor(desk: Desk, memory: Memory) {
    this.#desk = desk;
    this.#memory = memory;
  }

  async prepare(intent: Intent, notice?: string): Promise<void> {
    this.#wish += 1;
    const wish = this.#wish;
    const act: Act = { intent, stage: 'preparing', ...(notice === undefined ? {} : { notice }) };
    this.act.value = act;
    try {
      if (this.#desk.about.value?.isAdmin === false) throw new Refused(ADMINS_ONLY);
      const prepared = await this.#desk.door.call<Prepared>(PAGE_PATHS.prepare, { intent });
      if (wish !== this.#wish) return;
      const after = this.#afterOf(prepared);
      this.act.value = { ...act, stage: 'shown', prepared, ...(after ? { after } : {}) };
    } catch (error) {
      if (wish === this.#wish) this.act.value = { ...act, stage: 'refused', refusal: refusalIn(error) };
    }
  }

  /** Commits what is shown. */
  confirm(): void {
    const act = this.act.value;
    if (act?.stage === 'shown' && act.prepared) void this.#commit(act, act.prepared);
  }

  cancel(): void {
    this.#wish += 1;
    this.act.value = undefined;
  }

  /** On a state that the news do not change. */
  #afterOf({ events, position }: Prepared): Shown | undefined {
    const now = this.#memory.now.value;
    if (!events || !now) return undefined;
    const base = this.#memory.here(position)?.network.draft() ?? now.network.clone();
    const end = (position + events.length) as Position;
    base.advance(events as NetworkEvent[], end);
    return { network: base, position: end, time: null };
  }

  async #commit(act: Act, { position: at, warning }: Prepared): Promise<void> {
    this.#wish += 1;
    const wish = this.#wish;
    this.act.value = { ...act, stage: 'committing' };
    try {
      const order = { intent: act.intent, at, confirmed: warning !== undefined };
      const { download } = await this.#desk.door.call<Committed>(PAGE_PATHS.commit, order);
      if (wish === this.#wish || download)
        this.act.value = { ...act, stage: 'done', ...(download ? { download } : {}) };
    } catch (error) {
      if (wish !== this.#wish) return;
      const refusal = refusalIn(error);
      if (refusal.code === 'PlanOutdated')
        await this.prepare(act.intent, 'the network has changed meanwhile: this is what it would be now');
      else this.act.value = { ...act, stage: 'refused', refusal };
    }
  }
}
