/** The log in the page: its entries in words, and the network after each of them. */

import { nameText } from '../domain/name-text.ts';
import { Network } from '../domain/network.ts';
import { sentenceOf, wordsOf } from '../domain/sentences.ts';
import { EVENT_TYPES, type NetworkEvent } from '../events/schema.ts';
import type { Told } from '../protocol/past.ts';
import type { Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import type { Entry, Shown } from './page.ts';

const KNOWN = new Set<string>(EVENT_TYPES);

/** A newer server may record what this program cannot fold. */
export const isKnown = ({ type }: { type: string }): boolean => KNOWN.has(type);

/** The event of an entry; trusts the program that has read it. */
export const eventOf = ({ type, data }: Pick<Told, 'type' | 'data'>): NetworkEvent =>
  ({ ...data, type }) as NetworkEvent;

/** As the programs name an actor. */
const whoOf = ({ kind, name, peerId, user, uid }: Told['actor']): string => {
  if (kind === 'server') return 'the server';
  if (kind === 'peer') return name === undefined ? `peer ${peerId}` : nameText(name);
  const operator = user === undefined ? (uid === 0 ? 'root' : `uid ${uid}`) : nameText(user);
  return `${operator} on the server`;
};

/** States kept whole; those between are folded from the nearest. Each costs what all peers do. */
const MAX_KEPT = 8;
const LEAST_STRIDE = 1000;

export class Chronicle {
  /** `entries[p - 1]` is at position p. */
  readonly entries: Entry[] = [];
  readonly #latest = new Network();
  readonly #kept: Network[] = [new Network()];
  readonly #stride: number;
  #last: { position: Position; shown: Shown } | undefined;

  /** `expected`: how many entries will come at first. */
  constructor(expected: number, leastStride = LEAST_STRIDE) {
    this.#stride = Math.max(leastStride, Math.ceil(expected / MAX_KEPT));
  }

  get position(): Position {
    return this.entries.length;
  }

  /** After the last entry; its network goes on with `take`. */
  now(): Shown {
    return { network: this.#latest, position: this.position, time: this.timeOf(this.position) };
  }

  /** In order, without gaps; throws where one is missing. */
  take(told: readonly Told[]): void {
    for (const each of told) {
      if (each.position !== this.position + 1)
        throw new Error(`entry ${each.position} does not follow ${this.position}`);
      this.#take(each);
    }
    endCommits(this.entries, this.entries.length - told.length);
  }

  /** The state at a position, from 0 to the last. */
  at(position: Position): Shown {
    if (this.#last?.position === position) return this.#last.shown;
    const network = this.#foldedTo(position);
    const shown = { network, position, time: this.timeOf(position) };
    this.#last = { position, shown };
    return shown;
  }

  timeOf(position: Position): Timestamp | null {
    return this.entries[position - 1]?.recordedAt ?? null;
  }

  #take({ position, commandId, recordedAt, type, data, actor }: Told): void {
    const event = eventOf({ type, data });
    const who = whoOf(actor);
    const sentence = `${who} ${sentenceOf(event, wordsOf(this.#latest))}`;
    this.entries.push({ position, commandId, recordedAt, type, data, who, sentence, commitEnd: position });
    this.#latest.advance([event], position);
    if (position % this.#stride === 0) this.#kept.push(this.#latest.clone());
  }

  /** A layer over the nearest state before, which never changes. */
  #foldedTo(position: Position): Network {
    const from = Math.min(Math.floor(position / this.#stride), this.#kept.length - 1);
    const network = (this.#kept[from] ?? new Network()).draft();
    const events = this.entries.slice(from * this.#stride, position).map(eventOf);
    network.advance(events, position);
    return network;
  }
}

/** Marks the last position of each commit, from an index on. */
export const endCommits = (entries: Entry[], from: number): void => {
  let begin = from;
  while (begin > 0 && entries[begin - 1]?.commandId === entries[from]?.commandId) begin -= 1;
  for (let index = entries.length - 1; index >= begin; index -= 1) {
    const [entry, next] = [entries[index], entries[index + 1]];
    if (!entry) continue;
    const isInner = next?.commandId === entry.commandId;
    entry.commitEnd = isInner && next ? next.commitEnd : entry.position;
  }
};
