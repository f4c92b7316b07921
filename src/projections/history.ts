/** The log as people read it: entries with names resolved as they were, and a sentence for each. */
import type { Database } from 'better-sqlite3';
import { printable } from '../domain/recorded-text.ts';
import { sentenceOf, type Words } from '../domain/sentences.ts';
import type { Actor } from '../events/actor.ts';
import type { EventRecord } from '../events/record.ts';
import type { EventType, NetworkEvent } from '../events/schema.ts';
import { eventOf } from '../events/upcast.ts';
import type { RecordedCommit } from '../store/commit.ts';
import type { Hash, Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import { NamesAt } from './names.ts';

/** One event as `history --json` prints it; `actor.name` is what the actor was called at that moment. */
export type HistoryEntry = {
  position: Position;
  id: string;
  commandId: string;
  recordedAt: Timestamp;
  actor: Actor & { name?: string };
  type: EventType;
  /** The event without its type. */
  data: Record<string, unknown>;
  hash: Hash;
};

/** `2026-11-22 13:09` in the machine's own zone. */
const localTime = (time: Timestamp): string => {
  const date = new Date(time);
  const two = (part: number) => String(part).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
};

/** Actors that are remembered at once. */
const MOST_ACTORS = 1_000;

export class History {
  readonly #names: NamesAt;
  readonly #time: (time: Timestamp) => string;
  readonly #actors = new Map<string, Actor>();

  /** `database` is a log's reading connection; `time` writes moments within sentences, in local time by default. */
  constructor(database: Database, time: (time: Timestamp) => string = localTime) {
    this.#names = new NamesAt(database);
    this.#time = time;
  }

  /** The entries of one commit, in order. */
  entriesOf(commit: RecordedCommit): HistoryEntry[] {
    return commit.records.map((record) => this.entryOf(record));
  }

  entryOf(record: EventRecord): HistoryEntry {
    const { position, id, commandId, recordedAt, hash } = record;
    const { type, ...data } = eventOf(record);
    const actor = this.#named(this.#actorIn(record.actor), position);
    return { position, id, commandId, recordedAt, actor, type, data, hash };
  }

  /** Who did what, in one line fit for a terminal: `ann added peer bob (10.42.1.7) to humans, invitation until …`. */
  describe(entry: HistoryEntry): string {
    return `${this.#who(entry.actor)} ${this.#what(entry)}`;
  }

  /** Who did it, in words, fit for a terminal. */
  who({ actor }: HistoryEntry): string {
    return this.#who(actor);
  }

  /** There are few actors, and their texts repeat. */
  #actorIn(text: string): Actor {
    const known = this.#actors.get(text);
    if (known) return known;
    if (this.#actors.size >= MOST_ACTORS) this.#actors.clear();
    const actor = JSON.parse(text) as Actor;
    this.#actors.set(text, actor);
    return actor;
  }

  #named(actor: Actor, position: Position): HistoryEntry['actor'] {
    const name = actor.kind === 'operator' ? actor.user : this.#nameOfActor(actor, position);
    return name === undefined ? actor : { ...actor, name };
  }

  #nameOfActor(actor: Actor, position: Position): string | undefined {
    return actor.kind === 'peer' ? this.#names.nameOf('peer', actor.peerId, position - 1) : undefined;
  }

  #who(actor: HistoryEntry['actor']): string {
    switch (actor.kind) {
      case 'server':
        return 'the server';
      case 'peer':
        return actor.name === undefined ? `peer ${actor.peerId}` : printable(actor.name);
      case 'operator':
        return `${this.#operator(actor)} on the server`;
    }
  }

  #operator({ user, uid }: { user?: string | undefined; uid: number }): string {
    if (user !== undefined) return printable(user);
    return uid === 0 ? 'root' : `uid ${uid}`;
  }

  #what(entry: HistoryEntry): string {
    const event = { type: entry.type, ...entry.data } as NetworkEvent;
    return sentenceOf(event, this.#wordsBefore(entry.position));
  }

  #wordsBefore(position: Position): Words {
    const named = (kind: 'cidr' | 'peer', id: number) => {
      const name = this.#names.nameOf(kind, id, position - 1);
      return name === undefined ? String(id) : printable(name);
    };
    return {
      peer: (id) => named('peer', id),
      cidr: (id) => named('cidr', id),
      association: (id) => {
        const ends = this.#names.endsOf(id);
        return ends ? ends.map((cidr) => named('cidr', cidr)).join(' and ') : `CIDRs (association ${id})`;
      },
      time: this.#time,
    };
  }
}
