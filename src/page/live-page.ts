/** The page's state as the network goes on: now, the chosen moment, what is chosen, the action in work. */
import { batch, computed, signal } from '@preact/signals';
import { differenceOf } from '../domain/difference.ts';
import { Network } from '../domain/network.ts';
import type { NetworkEvent } from '../events/schema.ts';
import {
  type Committed,
  type FirstAnswer,
  MAX_FOLDED_EVENTS,
  type News,
  PAGE_OF_ENTRIES,
  PAGE_PATHS,
  type Prepared,
} from '../protocol/page.ts';
import type { AnswerTo, Asked, QuestionOf, Told } from '../protocol/past.ts';
import type { PeerId, Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import { Chronicle, endCommits, eventOf, isKnown } from './chronicle.ts';
import { type Door, Gone, Refused } from './door.ts';
import { observedOf } from './observed.ts';
import type {
  About,
  Act,
  Comparison,
  Entry,
  History,
  Intent,
  Link,
  Observed,
  Page,
  PageRefusal,
  Shown,
  Thing,
  WhyShown,
} from './page.ts';
import { reachOf } from './reach-of.ts';

/** Who is connected fades without news. */
const LOOK_AGAIN_MS = 15_000;
const RETRY_MS = 2_000;
/** A slider is moved before the server is asked. */
const SETTLE_MS = 150;

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const GONE: PageRefusal = {
  sentence: 'the program that showed this page has ended, or does not know this tab',
};

const ADMINS_ONLY: PageRefusal = {
  sentence: 'only an admin may ask about the whole network, and change it',
  hint: 'this machine is shown what it sees itself',
};

const networkOf = (state: AnswerTo<'state'>): Network => {
  const { network: name, position, peers, cidrs, associations } = state;
  return Network.fromJSON({
    name,
    position,
    peers,
    cidrs,
    associations,
    retiredIps: [],
    retiredKeys: [],
    nextIds: { peer: 1, cidr: 1, association: 1 } as ReturnType<Network['toJSON']>['nextIds'],
    restorations: [],
    isProofRequired: state.isProofRequired ?? false,
    defaultExpiry: state.defaultExpiry ?? null,
  });
};

const shownOf = (state: AnswerTo<'state'>): Shown => ({
  network: networkOf(state),
  position: state.position,
  time: state.time,
});

const entryOf = ({ position, commandId, recordedAt, type, data, who, sentence }: Told): Entry => ({
  position,
  commandId,
  recordedAt,
  type,
  data,
  who,
  sentence,
  commitEnd: position,
});

const busiest = (entries: readonly Entry[]): Comparison['by'] => {
  const counts = new Map<string, number>();
  for (const { who } of entries) counts.set(who, (counts.get(who) ?? 0) + 1);
  return [...counts].map(([who, count]) => ({ who, count })).sort((left, right) => right.count - left.count);
};

const NOTHING_YET: History = { entries: [], isWhole: false, isLoading: true };

const tooLong = (position: Position): string =>
  `this log holds ${position} events, more than the page reads (${MAX_FOLDED_EVENTS}): the newest are listed, and each stop of the slider asks the server`;

export class LivePage implements Page {
  readonly about = signal<About | undefined>(undefined);
  readonly link = signal<Link>({ state: 'starting' });
  readonly now = signal<Shown | undefined>(undefined);
  readonly moment = signal<Position | 'now'>('now');
  readonly isLoading = signal(false);
  readonly observed = signal<ReadonlyMap<PeerId, Observed>>(new Map());
  readonly selection = signal<readonly Thing[]>([]);
  readonly history = signal<History>(NOTHING_YET);
  readonly comparison = signal<Comparison | undefined>(undefined);
  readonly why = signal<WhyShown | undefined>(undefined);
  readonly act = signal<Act | undefined>(undefined);
  readonly trouble = signal<PageRefusal | undefined>(undefined);
  readonly shown = computed(() => (this.moment.value === 'now' ? this.now.value : this.#past.value));

  readonly #past = signal<Shown | undefined>(undefined);
  readonly #door: Door;
  /** The whole log; undefined while it is read, or where it is too long. */
  #chronicle: Chronicle | undefined;
  /** News that came while the log was read. */
  #waiting: Told[] | undefined;
  #seen: Extract<News, { kind: 'seen' }> | undefined;
  /** Answers to an older wish are dropped. */
  #wish = { moment: 0, why: 0, act: 0, comparison: 0 };

  constructor(door: Door) {
    this.#door = door;
    setInterval(() => this.#look(), LOOK_AGAIN_MS);
  }

  /** Goes on until the program that shows the page does not know this tab. */
  async run(): Promise<void> {
    for (;;) {
      try {
        await this.#follow(await this.#door.call<FirstAnswer>(PAGE_PATHS.first));
      } catch (error) {
        if (error instanceof Gone && error.isForGood) {
          this.link.value = { state: 'ended', refusal: GONE };
          return;
        }
        const isGone = error instanceof Gone;
        this.link.value = { state: isGone ? 'ended' : 'away', refusal: isGone ? GONE : refusalIn(error) };
      }
      await sleep(RETRY_MS);
    }
  }

  choose(thing?: Thing, { also = false } = {}): void {
    const [first] = this.selection.value;
    const isSame = first && thing && first.kind === thing.kind && first.id === thing.id;
    this.selection.value = !thing ? [] : also && first && !isSame ? [first, thing] : [thing];
    void this.#explain();
  }

  goTo(moment: Position | 'now'): void {
    this.trouble.value = undefined;
    this.#wish.moment += 1;
    if (moment === 'now' || moment >= (this.now.value?.position ?? 0)) {
      batch(() => {
        this.moment.value = 'now';
        this.isLoading.value = false;
      });
    } else if (!this.#mayAsk()) return;
    else if (this.#chronicle) this.#show(this.#chronicle.at(this.#commitEnd(moment)));
    else void this.#fetchMoment(moment, this.#wish.moment);
    void this.#explain();
  }

  goToTime(time: Timestamp): void {
    const { entries, isWhole } = this.history.value;
    if (!isWhole) {
      void this.#fetchTime(time);
      return;
    }
    let [from, to] = [0, entries.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((entries[middle]?.recordedAt ?? '') <= time) from = middle + 1;
      else to = middle;
    }
    this.goTo(from as Position);
  }

  step(by: 1 | -1): void {
    const { entries } = this.history.value;
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
    if (!this.#mayAsk()) return;
    const end = to === 'now' ? (this.now.value?.position ?? 0) : to;
    const [early, late] = from <= end ? [from, end] : [end, from];
    this.#wish.comparison += 1;
    void this.#compare(early as Position, late as Position, this.#wish.comparison);
  }

  endCompare(): void {
    this.#wish.comparison += 1;
    this.comparison.value = undefined;
  }

  loadOlder(): void {
    const { entries, isLoading } = this.history.value;
    const until = (entries[0]?.position ?? 1) - 1;
    if (!isLoading && until > 0) void this.#fetchOlder(until as Position);
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
    void this.#prepare(intent);
  }

  confirm(): void {
    const act = this.act.value;
    if (act?.stage === 'shown' && act.prepared) void this.#commit(act, act.prepared);
  }

  cancel(): void {
    this.#wish.act += 1;
    this.act.value = undefined;
  }

  async #follow({ about, state }: FirstAnswer): Promise<void> {
    const end = new AbortController();
    this.#begin({ about, state }, end.signal);
    try {
      for await (const news of this.#door.lines(PAGE_PATHS.follow, { after: state.position }, end.signal)) {
        this.#hear(news);
        if (this.#isTurned(news)) return;
      }
      throw new Gone(false);
    } finally {
      end.abort();
    }
  }

  #begin({ about, state }: FirstAnswer, signal: AbortSignal): void {
    this.#chronicle = undefined;
    this.#waiting = undefined;
    batch(() => {
      this.about.value = about;
      this.now.value = shownOf(state);
      this.link.value = { state: 'live' };
      this.history.value = NOTHING_YET;
    });
    void this.#readPast(state.position, signal).catch((error: unknown) => {
      if (signal.aborted) return;
      this.history.value = { ...this.history.value, isLoading: false, sentence: refusalIn(error).sentence };
    });
  }

  async #readPast(position: Position, signal: AbortSignal): Promise<void> {
    const isAdmin = this.about.value?.isAdmin ?? false;
    if (!isAdmin || position > MAX_FOLDED_EVENTS) return this.#readNewest(position);
    const chronicle = new Chronicle(position);
    const waiting: Told[] = [];
    this.#waiting = waiting;
    for await (const news of this.#door.lines(PAGE_PATHS.past, { after: 0, until: position }, signal)) {
      if (news.kind !== 'entries') continue;
      if (!news.entries.every(isKnown)) return this.#readNewest(position);
      chronicle.take(news.entries);
    }
    if (signal.aborted) return;
    chronicle.take(waiting);
    this.#waiting = undefined;
    this.#chronicle = chronicle;
    this.#retell(chronicle);
  }

  async #readNewest(position: Position): Promise<void> {
    this.#waiting = undefined;
    const isAdmin = this.about.value?.isAdmin ?? false;
    const sentence = isAdmin ? tooLong(position) : 'this machine is told what concerns itself';
    this.history.value = { entries: [], isWhole: false, isLoading: false, sentence };
    await this.#fetchOlder(position);
  }

  async #fetchOlder(until: Position): Promise<void> {
    const before = this.history.value;
    this.history.value = { ...before, isLoading: true };
    try {
      const question = { ask: 'history', after: 0, until, reverse: true, limit: PAGE_OF_ENTRIES } as const;
      const { entries: told } = await this.#ask<'history'>(question);
      const entries = [...told.reverse().map(entryOf), ...this.history.value.entries];
      endCommits(entries, 0);
      this.history.value = { ...before, entries };
    } catch (error) {
      this.#fail(error);
      this.history.value = { ...this.history.value, isLoading: false };
    }
  }

  #hear(news: News): void {
    switch (news.kind) {
      case 'entries':
        this.#take(news.entries);
        break;
      case 'whole':
        this.now.value = shownOf(news.state);
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

  #take(told: readonly Told[]): void {
    if (told.length === 0) return;
    if (!told.every(isKnown)) this.#chronicle = undefined;
    if (this.#chronicle) {
      this.#chronicle.take(told);
      this.#retell(this.#chronicle);
      return;
    }
    this.#waiting?.push(...told);
    const { entries } = this.history.value;
    const all = [...entries, ...told.map(entryOf)];
    endCommits(all, entries.length);
    batch(() => {
      if (this.about.value?.isAdmin) this.#evolve(told);
      if (!this.#waiting) this.history.value = { ...this.history.value, entries: all };
    });
  }

  #evolve(told: readonly Told[]): void {
    const last = told.at(-1);
    const now = this.now.value;
    if (!last || !now) return;
    now.network.advance(told.map(eventOf), last.position);
    this.now.value = { network: now.network, position: last.position, time: last.recordedAt };
  }

  #retell(chronicle: Chronicle): void {
    batch(() => {
      this.now.value = chronicle.now();
      this.history.value = { entries: [...chronicle.entries], isWhole: true, isLoading: false };
    });
  }

  #look(): void {
    if (this.#seen) this.observed.value = observedOf(this.#seen, Date.now());
  }

  #show(shown: Shown): void {
    batch(() => {
      this.#past.value = shown;
      this.moment.value = shown.position;
      this.isLoading.value = false;
    });
  }

  #commitEnd(position: Position): Position {
    return this.#chronicle?.entries[position - 1]?.commitEnd ?? position;
  }

  async #fetchMoment(moment: Position, wish: number): Promise<void> {
    this.isLoading.value = true;
    await sleep(SETTLE_MS);
    if (wish !== this.#wish.moment) return;
    try {
      const shown = await this.#stateAt(moment);
      if (wish === this.#wish.moment) this.#show(shown);
    } catch (error) {
      if (wish !== this.#wish.moment) return;
      this.isLoading.value = false;
      this.#fail(error);
    }
  }

  async #fetchTime(at: Timestamp): Promise<void> {
    try {
      const { position } = await this.#ask<'place'>({ ask: 'place', at, orBeginning: true });
      this.goTo(position);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #stateAt(at: Position): Promise<Shown> {
    if (this.#chronicle) return this.#chronicle.at(this.#commitEnd(at));
    return shownOf(await this.#ask<'state'>({ ask: 'state', at }));
  }

  async #compare(early: Position, late: Position, wish: number): Promise<void> {
    try {
      const [from, to] = [await this.#stateAt(early), await this.#stateAt(late)];
      const entries = await this.#entriesOf(from.position, to.position);
      if (wish !== this.#wish.comparison) return;
      const difference = differenceOf(from.network, to.network);
      this.comparison.value = { from, to, difference, by: busiest(entries), entries };
    } catch (error) {
      if (wish === this.#wish.comparison) this.#fail(error);
    }
  }

  async #entriesOf(after: Position, until: Position): Promise<readonly Entry[]> {
    if (this.#chronicle) return this.#chronicle.entries.slice(after, until);
    const question = { ask: 'history', after, until, limit: PAGE_OF_ENTRIES } as const;
    return (await this.#ask<'history'>(question)).entries.map(entryOf);
  }

  /** Asks why as soon as two peers are chosen. */
  async #explain(): Promise<void> {
    this.#wish.why += 1;
    const wish = this.#wish.why;
    const shown = this.shown.value;
    const peers = this.selection.value.flatMap(({ kind, id }) =>
      kind === 'peer' ? (shown?.network.peer(id as PeerId) ?? []) : [],
    );
    const [one, other] = peers;
    if (!one || !other) {
      this.why.value = undefined;
      return;
    }
    this.why.value = { state: 'asking' };
    const moment = this.moment.value;
    const at = moment === 'now' ? {} : { at: moment };
    const { typed, local } = this.about.value ?? { typed: 'innernet', local: '' };
    const when = moment === 'now' ? '' : ` --at ${moment}`;
    try {
      const answer = await this.#ask<'why'>({ ask: 'why', peers: [one.ip, other.ip], ...at });
      const commandLine = `${typed} why ${local} ${one.ip} ${other.ip}${when}`;
      if (wish === this.#wish.why) this.why.value = { state: 'told', answer, commandLine };
    } catch (error) {
      if (wish === this.#wish.why) this.why.value = { state: 'refused', refusal: refusalIn(error) };
    }
  }

  async #prepare(intent: Intent, notice?: string): Promise<void> {
    this.#wish.act += 1;
    const wish = this.#wish.act;
    const act: Act = { intent, stage: 'preparing', ...(notice === undefined ? {} : { notice }) };
    this.act.value = act;
    try {
      if (this.about.value?.isAdmin === false) throw new Refused(ADMINS_ONLY);
      const prepared = await this.#door.call<Prepared>(PAGE_PATHS.prepare, { intent });
      if (wish !== this.#wish.act) return;
      const after = this.#afterOf(prepared);
      this.act.value = { ...act, stage: 'shown', prepared, ...(after ? { after } : {}) };
    } catch (error) {
      if (wish === this.#wish.act) this.act.value = { ...act, stage: 'refused', refusal: refusalIn(error) };
    }
  }

  /** On a state that the news do not change. */
  #afterOf({ events, position }: Prepared): Shown | undefined {
    const now = this.now.value;
    if (!events || !now) return undefined;
    const isHere = this.#chronicle && position <= this.#chronicle.position;
    const base = isHere ? this.#chronicle?.at(position).network.draft() : now.network.clone();
    if (!base) return undefined;
    const end = (position + events.length) as Position;
    base.advance(events as NetworkEvent[], end);
    return { network: base, position: end, time: null };
  }

  async #commit(act: Act, { position: at, warning }: Prepared): Promise<void> {
    this.#wish.act += 1;
    const wish = this.#wish.act;
    this.act.value = { ...act, stage: 'committing' };
    try {
      const order = { intent: act.intent, at, confirmed: warning !== undefined };
      const { download } = await this.#door.call<Committed>(PAGE_PATHS.commit, order);
      if (wish === this.#wish.act || download)
        this.act.value = { ...act, stage: 'done', ...(download ? { download } : {}) };
    } catch (error) {
      if (wish !== this.#wish.act) return;
      const refusal = refusalIn(error);
      if (refusal.code === 'PlanOutdated')
        await this.#prepare(act.intent, 'the network has changed meanwhile: this is what it would be now');
      else this.act.value = { ...act, stage: 'refused', refusal };
    }
  }

  #ask<A extends Asked>(question: QuestionOf<A>): Promise<AnswerTo<A>> {
    return this.#door.call<AnswerTo<A>>(PAGE_PATHS.ask, { question });
  }

  #mayAsk(): boolean {
    if (this.about.value?.isAdmin !== false) return true;
    this.trouble.value = ADMINS_ONLY;
    return false;
  }

  #fail(error: unknown): void {
    this.trouble.value = refusalIn(error);
  }
}

const refusalIn = (error: unknown): PageRefusal => {
  if (error instanceof Refused) return error.refusal;
  if (error instanceof Gone) return GONE;
  return { sentence: `the page has a fault: ${(error as Error)?.message ?? String(error)}` };
};
