/** What is chosen: one thing or two, why two peers can talk, and which ways the tunnels of chosen peers take. */
import { effect, signal, untracked } from '@preact/signals';
import { suggestedLine } from '../domain/rejection.ts';
import type { Looked, ObservedWay } from '../protocol/looking.ts';
import { PAGE_PATHS } from '../protocol/page.ts';
import type { Desk } from './desk.ts';
import type { Moments } from './moments.ts';
import type { Thing, WhyShown } from './page.ts';
import { refusalIn } from './refusals.ts';

/** A reader walks through the tree before the server is asked. */
const SETTLE_MS = 150;
const NO_WAYS: readonly ObservedWay[] = [];

export class Choice {
  readonly selection = signal<readonly Thing[]>([]);
  readonly why = signal<WhyShown | undefined>(undefined);
  readonly ways = signal<readonly ObservedWay[]>(NO_WAYS);
  readonly #desk: Desk;
  readonly #moments: Moments;
  /** Answers to an older wish are dropped. */
  #wish = 0;

  constructor(desk: Desk, moments: Moments) {
    this.#desk = desk;
    this.#moments = moments;
    effect(() => {
      const isAsked = [this.selection.value, moments.moment.value];
      if (isAsked) untracked(() => this.#ask());
    });
  }

  choose(thing?: Thing, { also = false } = {}): void {
    const [first] = this.selection.value;
    const isSame = first && thing && first.kind === thing.kind && first.id === thing.id;
    this.selection.value = !thing ? [] : also && first && !isSame ? [first, thing] : [thing];
  }

  /** At the tunnels of what is chosen, by the words of their own machines. */
  async look(): Promise<void> {
    const wish = this.#wish;
    const peers = this.#peers.map(({ id }) => id);
    const isNow = this.#moments.moment.value === 'now';
    if (peers.length === 0 || !isNow || !this.#desk.about.value?.isAdmin) return;
    try {
      const { ways } = await this.#desk.door.call<Looked>(PAGE_PATHS.ways, { peers });
      const isNews = JSON.stringify(ways) !== JSON.stringify(this.ways.value);
      if (wish === this.#wish && isNews) this.ways.value = ways;
    } catch {
      // That the server is away is said by the stream.
    }
  }

  /** At another moment the answers are others. */
  #ask(): void {
    this.#wish += 1;
    const wish = this.#wish;
    this.ways.value = NO_WAYS;
    void this.#explain(wish);
    setTimeout(() => wish === this.#wish && this.look(), SETTLE_MS);
  }

  get #peers() {
    const network = this.#moments.shown.value?.network;
    return this.selection.value.flatMap((thing) => (thing.kind === 'peer' && network?.peer(thing.id)) || []);
  }

  async #explain(wish: number): Promise<void> {
    const [one, other] = this.#peers;
    if (!one || !other) {
      this.why.value = undefined;
      return;
    }
    this.why.value = { state: 'asking' };
    const moment = this.#moments.moment.value;
    const at = moment === 'now' ? {} : { at: moment };
    const { typed, local } = this.#desk.about.value ?? { typed: 'innernet', local: '' };
    const when = moment === 'now' ? '' : ` --at ${moment}`;
    try {
      const answer = await this.#desk.ask<'why'>({ ask: 'why', peers: [one.ip, other.ip], ...at });
      const commandLine = suggestedLine(typed, local, `why ${one.ip} ${other.ip}${when}`);
      if (wish === this.#wish) this.why.value = { state: 'told', answer, commandLine };
    } catch (error) {
      if (wish === this.#wish) this.why.value = { state: 'refused', refusal: refusalIn(error) };
    }
  }
}
