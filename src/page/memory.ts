/** What the page knows of the log: the network now, its history, and the state at each position. */
import { batch, signal } from '@preact/signals';
import { Network } from '../domain/network.ts';
import { type FirstAnswer, MAX_FOLDED_EVENTS, PAGE_OF_ENTRIES, PAGE_PATHS } from '../protocol/page.ts';
import type { AnswerTo, Told } from '../protocol/past.ts';
import type { Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import { Chronicle, endCommits, eventOf, isKnown } from './chronicle.ts';
import type { Desk } from './desk.ts';
import type { Entry, History, Shown } from './page.ts';
import { refusalIn } from './refusals.ts';

const NOTHING_YET: History = { entries: [], isWhole: false, isLoading: true };

const tooLong = (position: Position): string =>
  `this log holds ${position} events, more than the page reads (${MAX_FOLDED_EVENTS}): the newest are listed, and each stop of the slider asks the server`;

const networkOf = (state: AnswerTo<'state'>): Network => {
  const { network: name, position, peers, cidrs, associations } = state;
  return Network.fromJSON({
    name,
    position,
    peers,
    cidrs,
    associations,
    routes: state.routes ?? [],
    retiredIps: [],
    retiredKeys: [],
    nextIds: { peer: 1, cidr: 1, association: 1, route: 1 } as ReturnType<Network['toJSON']>['nextIds'],
    restorations: [],
    isProofRequired: state.isProofRequired ?? false,
    defaultExpiry: state.defaultExpiry ?? null,
    questionKey: null,
    promotion: state.promotion ?? null,
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

export class Memory {
  readonly now = signal<Shown | undefined>(undefined);
  readonly history = signal<History>(NOTHING_YET);
  readonly #desk: Desk;
  /** The whole log; undefined while it is read, or where it is too long. */
  #chronicle: Chronicle | undefined;
  /** News that came while the log was read. */
  #waiting: Told[] | undefined;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Takes the first answer, and reads the past until the signal. */
  begin({ state }: FirstAnswer, signal: AbortSignal): void {
    this.#chronicle = undefined;
    this.#waiting = undefined;
    batch(() => {
      this.now.value = shownOf(state);
      this.history.value = NOTHING_YET;
    });
    void this.#readPast(state.position, signal).catch((error: unknown) => {
      if (signal.aborted) return;
      this.history.value = { ...this.history.value, isLoading: false, sentence: refusalIn(error).sentence };
    });
  }

  /** What has happened. */
  take(told: readonly Told[]): void {
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
      if (this.#isAdmin) this.#evolve(told);
      if (!this.#waiting) this.history.value = { ...this.history.value, entries: all };
    });
  }

  /** For a peer that is no admin: what it sees now. */
  replace(state: FirstAnswer['state']): void {
    this.now.value = shownOf(state);
  }

  /** After the commit of a position, if that can be said without the server. */
  here(position: Position): Shown | undefined {
    return this.#chronicle && position <= this.#chronicle.position
      ? this.#chronicle.at(this.#chronicle.entries[position - 1]?.commitEnd ?? position)
      : undefined;
  }

  async at(position: Position): Promise<Shown> {
    return this.here(position) ?? shownOf(await this.#desk.ask<'state'>({ ask: 'state', at: position }));
  }

  /** The position that was the newest at a time. */
  async positionAt(at: Timestamp): Promise<Position> {
    const { entries, isWhole } = this.history.value;
    if (!isWhole) return (await this.#desk.ask<'place'>({ ask: 'place', at, orBeginning: true })).position;
    let [from, to] = [0, entries.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((entries[middle]?.recordedAt ?? '') <= at) from = middle + 1;
      else to = middle;
    }
    return from as Position;
  }

  /** Of (after, until]. */
  async entries(after: Position, until: Position): Promise<readonly Entry[]> {
    if (this.#chronicle) return this.#chronicle.entries.slice(after, until);
    const question = { ask: 'history', after, until, limit: PAGE_OF_ENTRIES } as const;
    return (await this.#desk.ask<'history'>(question)).entries.map(entryOf);
  }

  loadOlder(): void {
    const { entries, isLoading } = this.history.value;
    const until = (entries[0]?.position ?? 1) - 1;
    if (!isLoading && until > 0) void this.#fetchOlder(until as Position);
  }

  get #isAdmin(): boolean {
    return this.#desk.about.value?.isAdmin ?? false;
  }

  async #readPast(position: Position, signal: AbortSignal): Promise<void> {
    if (!this.#isAdmin || position > MAX_FOLDED_EVENTS) return this.#readNewest(position);
    const chronicle = new Chronicle(position);
    const waiting: Told[] = [];
    this.#waiting = waiting;
    const stretch = { after: 0, until: position };
    for await (const news of this.#desk.door.lines(PAGE_PATHS.past, stretch, signal)) {
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
    const sentence = this.#isAdmin ? tooLong(position) : 'this machine is told what concerns itself';
    this.history.value = { entries: [], isWhole: false, isLoading: false, sentence };
    await this.#fetchOlder(position);
  }

  async #fetchOlder(until: Position): Promise<void> {
    const before = this.history.value;
    this.history.value = { ...before, isLoading: true };
    try {
      const question = { ask: 'history', after: 0, until, reverse: true, limit: PAGE_OF_ENTRIES } as const;
      const { entries: told } = await this.#desk.ask<'history'>(question);
      const entries = [...told.reverse().map(entryOf), ...this.history.value.entries];
      endCommits(entries, 0);
      this.history.value = { ...before, entries };
    } catch (error) {
      this.#desk.fail(error);
      this.history.value = { ...this.history.value, isLoading: false };
    }
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
}
