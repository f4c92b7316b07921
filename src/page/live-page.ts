/** The page while the network goes on: it follows the news, and hands them to its parts. */
import { batch, signal } from '@preact/signals';
import { type FirstAnswer, type News, PAGE_PATHS } from '../protocol/page.ts';
import type { PeerId, Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import { Acting } from './acting.ts';
import { Choice } from './choice.ts';
import { Desk } from './desk.ts';
import { type Door, Gone } from './door.ts';
import { Memory } from './memory.ts';
import { Moments } from './moments.ts';
import { observedOf } from './observed.ts';
import type { Intent, Link, Observed, Page, Shown, Thing } from './page.ts';
import { reachOf } from './reach-of.ts';
import { GONE, refusalIn } from './refusals.ts';

/** Who is connected fades without news. */
const LOOK_AGAIN_MS = 15_000;
/** Tunnels change their way. */
const WAYS_AGAIN_MS = 5_000;
const RETRY_MS = 2_000;

export class LivePage implements Page {
  readonly link = signal<Link>({ state: 'starting' });
  readonly observed = signal<ReadonlyMap<PeerId, Observed>>(new Map());
  readonly #desk: Desk;
  readonly #memory: Memory;
  readonly #moments: Moments;
  readonly #choice: Choice;
  readonly #acting: Acting;
  #seen: Extract<News, { kind: 'seen' }> | undefined;

  constructor(door: Door) {
    this.#desk = new Desk(door);
    this.#memory = new Memory(this.#desk);
    this.#moments = new Moments(this.#desk, this.#memory);
    this.#choice = new Choice(this.#desk, this.#moments);
    this.#acting = new Acting(this.#desk, this.#memory);
    setInterval(() => this.#look(), LOOK_AGAIN_MS);
    setInterval(() => this.#choice.look(), WAYS_AGAIN_MS);
  }

  get about() {
    return this.#desk.about;
  }
  get trouble() {
    return this.#desk.trouble;
  }
  get now() {
    return this.#memory.now;
  }
  get history() {
    return this.#memory.history;
  }
  get moment() {
    return this.#moments.moment;
  }
  get shown() {
    return this.#moments.shown;
  }
  get isLoading() {
    return this.#moments.isLoading;
  }
  get comparison() {
    return this.#moments.comparison;
  }
  get selection() {
    return this.#choice.selection;
  }
  get why() {
    return this.#choice.why;
  }
  get ways() {
    return this.#choice.ways;
  }
  get act() {
    return this.#acting.act;
  }

  /** Goes on until the program that shows the page does not know this tab. */
  async run(): Promise<void> {
    const { door } = this.#desk;
    for (;;) {
      try {
        await this.#follow(await door.call<FirstAnswer>(PAGE_PATHS.first));
      } catch (error) {
        const isGone = error instanceof Gone;
        this.link.value = { state: isGone ? 'ended' : 'away', refusal: isGone ? GONE : refusalIn(error) };
        if (isGone && error.isForGood) return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  choose(thing?: Thing, options?: { also?: boolean }): void {
    this.#choice.choose(thing, options);
  }

  goTo(moment: Position | 'now'): void {
    this.#moments.goTo(moment);
  }

  goToTime(time: Timestamp): void {
    void this.#moments.goToTime(time);
  }

  step(by: 1 | -1): void {
    this.#moments.step(by);
  }

  compare(from: Position, to: Position | 'now'): void {
    this.#moments.compare(from, to);
  }

  endCompare(): void {
    this.#moments.endCompare();
  }

  loadOlder(): void {
    this.#memory.loadOlder();
  }

  /** A peer that is no admin reaches all that it is shown. */
  reachOf(shown: Shown, thing: Thing): ReadonlySet<PeerId> {
    const { isAdmin, self } = this.about.value ?? {};
    if (isAdmin !== false || self === null || self === undefined) return reachOf(shown, thing);
    if (thing.kind === 'peer' && thing.id !== self) return new Set([self]);
    const others = [...shown.network.peers()].filter(({ id }) => id !== self);
    return new Set(
      others.filter(({ cidrId }) => thing.kind !== 'cidr' || cidrId === thing.id).map(({ id }) => id),
    );
  }

  prepare(intent: Intent): void {
    void this.#acting.prepare(intent);
  }

  confirm(): void {
    this.#acting.confirm();
  }

  cancel(): void {
    this.#acting.cancel();
  }

  async #follow(first: FirstAnswer): Promise<void> {
    const end = new AbortController();
    batch(() => {
      this.about.value = first.about;
      this.link.value = { state: 'live' };
      this.#memory.begin(first, end.signal);
    });
    const after = { after: first.state.position };
    try {
      for await (const news of this.#desk.door.lines(PAGE_PATHS.follow, after, end.signal)) {
        this.#hear(news);
        if (this.#isTurned(news)) return;
      }
      throw new Gone(false);
    } finally {
      end.abort();
    }
  }

  #hear(news: News): void {
    switch (news.kind) {
      case 'entries':
        this.#memory.take(news.entries);
        break;
      case 'whole':
        this.#memory.replace(news.state);
        break;
      case 'seen':
        this.#seen = news;
        this.#look();
        break;
      case 'away':
        this.link.value = { state: 'away', refusal: news.refusal };
        break;
      case 'back':
      case 'beat':
        if (this.link.value.state !== 'live') this.link.value = { state: 'live' };
    }
  }

  /** This machine has become an admin, or is none any more: all is asked again. */
  #isTurned(news: News): boolean {
    const self = this.about.value?.self;
    return (
      news.kind === 'entries' &&
      news.entries.some(({ type, data }) => /^Admin(Granted|Revoked)$/.test(type) && data.peerId === self)
    );
  }

  #look(): void {
    if (this.#seen) this.observed.value = observedOf(this.#seen, Date.now());
  }
}
