/** Observations of peers, never in the log: endpoint, handshake and candidates, numbered per boot. */
import type { Said } from '../../domain/enforcers.ts';
import { LIMITS_OF, type Word } from '../../domain/views.ts';
import { MAX_CANDIDATES } from '../../protocol/frames.ts';
import { MAX_VIA, type Observation, type Offer } from '../../protocol/rows.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import type { PeerId } from '../../values/id.ts';
import type { Cidr } from '../../values/ip.ts';
import { isAcceptable } from './candidates.ts';

/** Between two updates of one peer's candidates. */
const CANDIDATES_EVERY_MS = 10_000;

export type Observed = {
  endpoint: SocketAddress | null;
  /** The reported addresses that may be passed on. */
  candidates: readonly SocketAddress[];
  /** Milliseconds since 1970. */
  lastHandshake: number | undefined;
  /** Relays at which its mailbox is open, by id. */
  via: readonly PeerId[];
  /** What its machine would carry, by its own word. */
  offers: readonly Offer[];
};

/** A machine's own word that it may be a relay. */
export type Consent = {
  port: number;
  /** Why it cannot relay now. */
  trouble?: string | undefined;
};

/** `reported` is unfiltered, because the filter depends on `endpoint`. */
export type StoredObservation = {
  id: PeerId;
  endpoint: SocketAddress | null;
  reported: SocketAddress[];
  lastHandshake?: number | undefined;
  consent?: Consent | undefined;
  offers?: Offer[] | undefined;
  word?: Word | undefined;
};

type Entry = Observed & {
  sequence: number;
  reported: readonly SocketAddress[];
  consent: Consent | undefined;
  /** What its program knows, as its last stream said. */
  word: Word | undefined;
  /** Reported by this machine. */
  trusted: boolean;
  /** By the monotonic clock; -Infinity while none was passed on. */
  candidatesChanged: number;
  timer: NodeJS.Timeout | undefined;
};

const NONE: Observed = { endpoint: null, candidates: [], lastHandshake: undefined, via: [], offers: [] };

const sameList = <T>(left: readonly T[], right: readonly T[]): boolean =>
  left.length === right.length && left.every((item, index) => item === right[index]);

export class Observations {
  /** Names this run of the server: sequences of another boot mean nothing. */
  readonly boot: string;
  readonly #network: Cidr;
  readonly #entries = new Map<PeerId, Entry>();
  /** In order; superseded entries are skipped and later dropped. */
  #changes: { sequence: number; id: PeerId }[] = [];
  readonly #listeners = new Set<(observation: Observation) => void>();
  readonly #consentListeners = new Set<(id: PeerId) => void>();
  readonly #wordListeners = new Set<() => void>();
  #sequence = 0;

  constructor(boot: string, network: Cidr) {
    this.boot = boot;
    this.#network = network;
  }

  get sequence(): number {
    return this.#sequence;
  }

  of(id: PeerId): Observed {
    return this.#entries.get(id) ?? NONE;
  }

  rowOf(id: PeerId): Observation | undefined {
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    const { endpoint, candidates, via, offers } = entry;
    return {
      ...{ id, endpoint, candidates: [...candidates] },
      ...(via.length > 0 ? { via: [...via] } : {}),
      ...(offers.length > 0 ? { offers: [...offers] } : {}),
    };
  }

  /** Each changed row once, oldest change first. */
  *since(sequence: number): Generator<Observation> {
    for (let at = this.#indexAfter(sequence); at < this.#changes.length; at++) {
      const change = this.#changes[at];
      const entry = change && this.#entries.get(change.id);
      if (entry?.sequence !== change?.sequence) continue;
      const row = change && this.rowOf(change.id);
      if (row) yield row;
    }
  }

  /** Returns the unsubscribe function. */
  onChange(listener: (observation: Observation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  see(id: PeerId, endpoint: SocketAddress | null, lastHandshake?: number): void {
    const entry = this.#entry(id);
    if (lastHandshake !== undefined) entry.lastHandshake = lastHandshake;
    if (endpoint === null || endpoint === entry.endpoint) return;
    entry.endpoint = endpoint;
    const candidates = this.#passedOn(entry);
    // Removals from a move go out at once; additions wait their turn like every other change.
    entry.candidates = entry.candidates.filter((candidate) => candidates.includes(candidate));
    this.#changed(id, entry);
    this.#offer(id, entry);
  }

  /** Whether the peer itself has the address where WireGuard hears it: no router translates. */
  isInTheOpen(id: PeerId): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.endpoint !== null && entry.reported.includes(entry.endpoint);
  }

  /** At which relays a peer can be met now. Not kept over a restart: relays say it again. */
  setVia(id: PeerId, relays: readonly PeerId[]): void {
    const via = [...new Set(relays)].sort((left, right) => left - right).slice(0, MAX_VIA);
    if (sameList(via, this.of(id).via)) return;
    const entry = this.#entry(id);
    entry.via = via;
    this.#changed(id, entry);
  }

  /** Kept over a restart: while the machine is away its word holds. */
  consentOf(id: PeerId): Consent | undefined {
    return this.#entries.get(id)?.consent;
  }

  setConsent(id: PeerId, consent: Consent | undefined): void {
    const before = this.consentOf(id);
    if (before?.port === consent?.port && before?.trouble === consent?.trouble) return;
    this.#entry(id).consent = consent;
    for (const listener of this.#consentListeners) listener(id);
  }

  /** A machine's word on itself has changed. Returns the unsubscribe function. */
  onConsent(listener: (id: PeerId) => void): () => void {
    this.#consentListeners.add(listener);
    return () => this.#consentListeners.delete(listener);
  }

  /** A machine's word on blocks that it carries. Kept over a restart, and while the machine is away. */
  setOffers(id: PeerId, offers: readonly Offer[]): void {
    if (JSON.stringify(offers) === JSON.stringify(this.of(id).offers)) return;
    const entry = this.#entry(id);
    entry.offers = offers;
    this.#changed(id, entry);
    for (const listener of this.#consentListeners) listener(id);
  }

  /** What a peer's program knows. Kept over a restart, and while the peer is away. */
  setWord(id: PeerId, word: Word): void {
    if (this.#entries.get(id)?.word === word) return;
    this.#entry(id).word = word;
    for (const listener of this.#wordListeners) listener();
  }

  *words(): Generator<Said> {
    for (const [peerId, { word }] of this.#entries)
      if (word !== undefined) yield { peerId, limits: LIMITS_OF[word] };
  }

  /** Returns the unsubscribe function. */
  onWord(listener: () => void): () => void {
    this.#wordListeners.add(listener);
    return () => this.#wordListeners.delete(listener);
  }

  /** One relay's word on one peer's mailbox. */
  meetAt(id: PeerId, relay: PeerId, isOpen: boolean): void {
    const others = this.of(id).via.filter((known) => known !== relay);
    this.setVia(id, isOpen ? [...others, relay] : others);
  }

  /** Passed on at once, then at most every ten seconds. */
  report(id: PeerId, reported: readonly SocketAddress[]): void {
    const entry = this.#entry(id);
    entry.reported = [...new Set(reported)].slice(0, MAX_CANDIDATES);
    this.#offer(id, entry);
  }

  /** Clients on this machine's LAN need its addresses. */
  reportOwn(id: PeerId, reported: readonly SocketAddress[]): void {
    this.#entry(id).trusted = true;
    this.report(id, reported);
  }

  /** 0 if there is none. */
  numberOf(id: PeerId): number {
    return this.#entries.get(id)?.sequence ?? 0;
  }

  /** Silent: makes an observation news for peers that see it only now. */
  renumber(id: PeerId): void {
    const entry = this.#entries.get(id);
    if (entry) this.#number(id, entry);
  }

  forget(id: PeerId): void {
    clearTimeout(this.#entries.get(id)?.timer);
    this.#entries.delete(id);
  }

  /** Call before anything else. */
  restore(stored: readonly StoredObservation[]): void {
    for (const { id, endpoint, reported, lastHandshake, consent, offers = [], word } of stored) {
      const entry = this.#entry(id);
      Object.assign(entry, { endpoint, reported, lastHandshake, consent, offers, word });
      entry.candidates = this.#passedOn(entry);
      this.#changed(id, entry);
    }
  }

  *stored(): Generator<StoredObservation> {
    for (const [id, { endpoint, reported, lastHandshake, consent, offers, word }] of this.#entries) {
      const offered = offers.length > 0 ? { offers: [...offers] } : {};
      yield { id, endpoint, reported: [...reported], lastHandshake, consent, word, ...offered };
    }
  }

  close(): void {
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#listeners.clear();
    this.#consentListeners.clear();
    this.#wordListeners.clear();
  }

  #entry(id: PeerId): Entry {
    let entry = this.#entries.get(id);
    if (!entry) {
      entry = {
        ...NONE,
        sequence: 0,
        reported: [],
        consent: undefined,
        word: undefined,
        trusted: false,
        candidatesChanged: Number.NEGATIVE_INFINITY,
        timer: undefined,
      };
      this.#entries.set(id, entry);
    }
    return entry;
  }

  #passedOn({ reported, endpoint, trusted }: Entry): SocketAddress[] {
    return reported.filter((candidate) =>
      isAcceptable(candidate, trusted ? candidate : endpoint, this.#network),
    );
  }

  #offer(id: PeerId, entry: Entry): void {
    if (entry.timer) return;
    const candidates = this.#passedOn(entry);
    if (sameList(candidates, entry.candidates)) return;
    const wait = entry.candidatesChanged + CANDIDATES_EVERY_MS - performance.now();
    if (wait > 0) {
      entry.timer = setTimeout(() => {
        entry.timer = undefined;
        this.#offer(id, entry);
      }, wait).unref();
      return;
    }
    entry.candidates = candidates;
    entry.candidatesChanged = performance.now();
    this.#changed(id, entry);
  }

  #number(id: PeerId, entry: Entry): void {
    this.#sequence += 1;
    entry.sequence = this.#sequence;
    this.#changes.push({ sequence: this.#sequence, id });
    if (this.#changes.length > 2 * this.#entries.size + 1000) this.#compact();
  }

  #changed(id: PeerId, entry: Entry): void {
    this.#number(id, entry);
    const row = this.rowOf(id);
    if (row) for (const listener of this.#listeners) listener(row);
  }

  #compact(): void {
    this.#changes = this.#changes.filter(({ sequence, id }) => this.#entries.get(id)?.sequence === sequence);
  }

  #indexAfter(sequence: number): number {
    let [low, high] = [0, this.#changes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#changes[middle]?.sequence ?? 0) > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
