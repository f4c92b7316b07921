/** What happens in the network, for all tabs of the page: one follower of the log, its readers, their streams. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NetworkView, Plane } from '../cli/plane.ts';
import { MAX_LOOKED } from '../protocol/looking.ts';
import type { FirstAnswer, News, PageRefusal, ToldWays, TunnelWay } from '../protocol/page.ts';
import { PAGE_OF_ENTRIES } from '../protocol/page.ts';
import type { QuestionOf } from '../protocol/past.ts';
import { type PeerId, type Position, SERVER_PEER } from '../values/id.ts';

/** Between looks at who is connected; a large network is looked at less often. */
const LOOK_EVERY_MS = 10_000;
const LOOK_EVERY_MS_PER_PEER = 4;

/** Peers whose tunnels are asked for, all at each look. */
const MAX_LOOKED_AT = 500;

/** Of one tab that reads too slowly; then its stream is cut, and it begins again. */
const MAX_WAITING = 256;

/** Before the server is asked again after it did not answer. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 5_000;

export type Source = {
  plane: Pick<Plane, 'ask' | 'view' | 'seen' | 'ways'>;
  isAdmin: () => boolean;
  /** What a peer that is no admin sees now. */
  whole: () => Promise<FirstAnswer['state']>;
  /** This machine's own tunnels. */
  ways: () => Promise<TunnelWay[]>;
  refusalOf: (error: unknown) => PageRefusal;
};

/** How the tunnels of others stand, each by its own word; in a larger network only those of what is chosen. */
const toldWays = async (plane: Source['plane'], { peers }: NetworkView): Promise<ToldWays[]> => {
  const asked = peers.filter(
    ({ id, isRedeemed, isDisabled }) => id !== SERVER_PEER && isRedeemed && !isDisabled,
  );
  if (!plane.ways || asked.length > MAX_LOOKED_AT) return [];
  const told = new Map<PeerId, ToldWays>();
  for (let at = 0; at < asked.length; at += MAX_LOOKED) {
    const rows = await plane.ways(asked.slice(at, at + MAX_LOOKED).map(({ id }) => id));
    for (const { from: peerId, to, way } of rows ?? []) {
      if (to === SERVER_PEER || way === 'none') continue;
      const row = told.get(peerId) ?? { peerId, direct: 0, relayed: 0 };
      row[way] += 1;
      told.set(peerId, row);
    }
  }
  return [...told.values()];
};

type Page = Extract<News, { kind: 'entries' }> & { after: Position };
type Item = Page | Exclude<News, { kind: 'entries' }>;
type Take = (item: Item) => void;

/** Reads the log as far as it goes, and says what is new while anybody listens. */
export class Follower {
  readonly #source: Source;
  readonly #takers = new Set<Take>();
  #position: Position | undefined;
  #run: AbortController | undefined;
  #seen: Item | undefined;
  #away: Item | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Entries after a position, then news, until the signal or until too much waits. */
  async *stream(after: Position, signal: AbortSignal): AsyncGenerator<News> {
    const queue: Item[] = [];
    let wake = (): void => {};
    let isCut = false;
    const take: Take = (item) => {
      isCut ||= queue.length >= MAX_WAITING;
      if (isCut) queue.length = 0;
      else queue.push(item);
      wake();
    };
    const stop = (): void => wake();
    signal.addEventListener('abort', stop);
    this.#listen(take, after);
    try {
      yield { kind: 'beat' };
      let mine = after;
      // Another tab may have led the follower on.
      for await (const page of this.pages(mine, this.#position ?? mine)) {
        yield page;
        mine = page.end;
      }
      while (!signal.aborted && !isCut) {
        const item = queue.shift();
        if (item === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (queue.length > 0 || signal.aborted) resolve();
          });
        } else if (item.kind !== 'entries') yield item;
        else if (item.end > mine) {
          for await (const page of this.pages(mine, item.after)) yield page;
          const { kind, end } = item;
          const entries = item.entries.filter(({ position }) => position > mine);
          yield { kind, entries, end };
          mine = end;
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#takers.delete(take);
      if (this.#takers.size === 0) this.#rest();
    }
  }

  /** Entries of (after, until], as far as the log goes. */
  async *past(after: Position, until: Position): AsyncGenerator<News> {
    const { position } = await this.#source.plane.ask({ ask: 'head' });
    yield* this.pages(after, Math.min(until, position));
  }

  /** Entries of (after, until]. */
  async *pages(after: Position, until: Position): AsyncGenerator<Extract<News, { kind: 'entries' }>> {
    for (let from = after; from < until; ) {
      const { entries, end } = await this.#source.plane.ask(this.#question(from, { until }));
      if (end <= from) return;
      yield { kind: 'entries', entries, end };
      from = end;
    }
  }

  #question(after: Position, more: Partial<QuestionOf<'history'>>): QuestionOf<'history'> {
    const words = this.#source.isAdmin() ? { wordless: true } : {};
    return { ask: 'history', after, limit: PAGE_OF_ENTRIES, ...words, ...more };
  }

  #listen(take: Take, after: Position): void {
    this.#takers.add(take);
    for (const item of [this.#away, this.#seen]) if (item) take(item);
    if (this.#run) return;
    this.#run = new AbortController();
    this.#position = after;
    void this.#follow(this.#run.signal);
    void this.#look(this.#run.signal);
  }

  #rest(): void {
    this.#run?.abort();
    this.#run = undefined;
    this.#seen = undefined;
    this.#away = undefined;
  }

  #tell(item: Item): void {
    for (const take of this.#takers) take(item);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    let position = this.#position ?? 0;
    while (!signal.aborted) {
      try {
        const { entries, end } = await this.#source.plane.ask(this.#question(position, { wait: true }));
        if (signal.aborted) return;
        pause = FIRST_PAUSE_MS;
        if (this.#away) this.#tell({ kind: 'back' });
        this.#away = undefined;
        if (end > position) await this.#take({ kind: 'entries', entries, end, after: position });
        else this.#tell({ kind: 'beat' });
        position = end;
        this.#position = end;
      } catch (error) {
        if (signal.aborted) return;
        this.#away = { kind: 'away', refusal: this.#source.refusalOf(error) };
        this.#tell(this.#away);
        await sleep(pause);
        pause = Math.min(2 * pause, MAX_PAUSE_MS);
      }
    }
  }

  async #take(page: Page): Promise<void> {
    if (!this.#source.isAdmin()) this.#tell({ kind: 'whole', state: await this.#source.whole() });
    this.#tell(page);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { plane, ways } = this.#source;
    while (!signal.aborted) {
      let peers = 0;
      try {
        const view = await plane.view();
        peers = view.peers.length;
        const seen = (await plane.seen?.(view)) ?? [];
        const told = this.#source.isAdmin() ? await toldWays(plane, view) : [];
        const item: Item = { kind: 'seen', seen, ways: await ways(), told };
        if (!signal.aborted && JSON.stringify(item) !== JSON.stringify(this.#seen)) {
          this.#seen = item;
          this.#tell(item);
        }
      } catch {
        // That the server is away is said by the follower.
      }
      await sleep(LOOK_EVERY_MS + LOOK_EVERY_MS_PER_PEER * peers, undefined, { signal }).catch(() => {});
    }
  }
}
