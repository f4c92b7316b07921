/**
 * What is seen of peers rather than decided: where WireGuard hears them, when it last shook hands, where they say
 * they may be reached. None of it is in the log; it has its own numbers, which begin anew with each boot.
 */
import { MAX_CANDIDATES } from '../../protocol/frames.ts';
import type { Observation } from '../../protocol/rows.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import type { PeerId } from '../../values/id.ts';
import type { Cidr } from '../../values/ip.ts';
import { isAcceptable } from './candidates.ts';

/** Changes of one peer's candidates are passed on this often, in milliseconds; the newest waits. */
const CANDIDATES_EVERY = 10_000;

/** What is kept of a peer. */
export type Observed = {
  /** Where WireGuard heard it last. */
  endpoint: SocketAddress | null;
  /** Where it says that it may be reached, as far as that is passed on. */
  candidates: readonly SocketAddress[];
  /** Milliseconds since 1970; undefined where none is known. */
  lastHandshake: number | undefined;
};

/** Observed things as a file keeps them; `reported` is unfiltered, because the filter depends on `endpoint`. */
export type StoredObservation = {
  id: PeerId;
  endpoint: SocketAddress | null;
  reported: SocketAddress[];
  lastHandshake?: number | undefined;
};

type Entry = Observed & {
  sequence: number;
  reported: readonly SocketAddress[];
  /** Reported by this machine itself: passed on unless inside the network. */
  trusted: boolean;
  /** By the monotonic clock; -Infinity while none was passed on. */
  candidatesChanged: number;
  timer: NodeJS.Timeout | undefined;
};

const NONE: Observed = { endpoint: null, candidates: [], lastHandshake: undefined };

const sameList = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((item, index) => item === right[index]);

export class Observations {
  /** Names this run of the server: sequences of another boot mean nothing. */
  readonly boot: string;
  readonly #network: Cidr;
  readonly #entries = new Map<PeerId, Entry>();
  /** Every change in order; one that its peer's next change has overtaken is skipped and dropped in time. */
  #changes: { sequence: number; id: PeerId }[] = [];
  readonly #listeners = new Set<(observation: Observation) => void>();
  #sequence = 0;

  constructor(boot: string, network: Cidr) {
    this.boot = boot;
    this.#network = network;
  }

  /** The number of the latest change; 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  of(id: PeerId): Observed {
    return this.#entries.get(id) ?? NONE;
  }

  /** A peer's observation as it is sent, or undefined where nothing is known of it. */
  rowOf(id: PeerId): Observation | undefined {
    const entry = this.#entries.get(id);
    return entry && { id, endpoint: entry.endpoint, candidates: [...entry.candidates] };
  }

  /** The observations that changed after a sequence of this boot, each once, oldest change first. */
  *since(sequence: number): Generator<Observation> {
    for (let at = this.#indexAfter(sequence); at < this.#changes.length; at++) {
      const change = this.#changes[at];
      const entry = change && this.#entries.get(change.id);
      if (entry?.sequence !== change?.sequence) continue;
      const row = change && this.rowOf(change.id);
      if (row) yield row;
    }
  }

  /** Calls back after each change of what is sent; returns what ends that. */
  onChange(listener: (observation: Observation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What a read of the device showed. */
  see(id: PeerId, endpoint: SocketAddress | null, lastHandshake?: number): void {
    const entry = this.#entry(id);
    if (lastHandshake !== undefined) entry.lastHandshake = lastHandshake;
    if (endpoint === null || endpoint === entry.endpoint) return;
    entry.endpoint = endpoint;
    const candidates = this.#passedOn(entry);
    // What a move takes away goes at once; what it would add waits its turn like every other change.
    entry.candidates = entry.candidates.filter((candidate) => candidates.includes(candidate));
    this.#changed(id, entry);
    this.#offer(id, entry);
  }

  /** A peer's own list of where it may be reached. Passed on at once, then at most once in ten seconds. */
  report(id: PeerId, reported: readonly SocketAddress[]): void {
    const entry = this.#entry(id);
    entry.reported = [...new Set(reported)].slice(0, MAX_CANDIDATES);
    this.#offer(id, entry);
  }

  /** This machine's own addresses, as candidates of the server's peer: clients on its LAN need them. */
  reportOwn(id: PeerId, reported: readonly SocketAddress[]): void {
    this.#entry(id).trusted = true;
    this.report(id, reported);
  }

  /** The number of a peer's latest change; 0 where nothing is known of it. */
  numberOf(id: PeerId): number {
    return this.#entries.get(id)?.sequence ?? 0;
  }

  /** Gives a peer's observation a new number, untold: it is news to those who come to see the peer only now. */
  renumber(id: PeerId): void {
    const entry = this.#entries.get(id);
    if (entry) this.#number(id, entry);
  }

  /** Of a peer that is gone. */
  forget(id: PeerId): void {
    clearTimeout(this.#entries.get(id)?.timer);
    this.#entries.delete(id);
  }

  /** What earlier boots knew, before anything else. */
  restore(stored: readonly StoredObservation[]): void {
    for (const { id, endpoint, reported, lastHandshake } of stored) {
      const entry = this.#entry(id);
      Object.assign(entry, { endpoint, reported, lastHandshake });
      entry.candidates = this.#passedOn(entry);
      this.#changed(id, entry);
    }
  }

  *stored(): Generator<StoredObservation> {
    for (const [id, { endpoint, reported, lastHandshake }] of this.#entries) {
      yield { id, endpoint, reported: [...reported], lastHandshake };
    }
  }

  /** Ends the timers. */
  close(): void {
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#listeners.clear();
  }

  #entry(id: PeerId): Entry {
    let entry = this.#entries.get(id);
    if (!entry) {
      entry = {
        ...NONE,
        sequence: 0,
        reported: [],
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

  /** Passes a peer's candidates on if they differ and its time has come; else when it comes. */
  #offer(id: PeerId, entry: Entry): void {
    if (entry.timer) return;
    const candidates = this.#passedOn(entry);
    if (sameList(candidates, entry.candidates)) return;
    const wait = entry.candidatesChanged + CANDIDATES_EVERY - performance.now();
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

  /** Index of the first change after a sequence. */
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
