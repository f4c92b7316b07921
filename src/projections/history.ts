/** The log as people read it: a sentence for each event, with names as they were. */
import { nameText } from '../domain/name-text.ts';
import { sentenceOf, type Words } from '../domain/sentences.ts';
import { type Actor, actingPeer } from '../events/actor.ts';
import type { EventType, NetworkEvent } from '../events/schema.ts';
import { dataOf } from '../events/upcast.ts';
import type { RecordedCommit } from '../store/commit.ts';
import type { LogQueries, NamedKind, ToldRecord } from '../store/queries.ts';
import type { Hash, Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import { NamesAt } from './names.ts';

type NamedActor = Actor & { name?: string };

/** `history --json` prints these; `actor.name` is the name at that moment. */
export type HistoryEntry = {
  position: Position;
  id: string;
  commandId: string;
  recordedAt: Timestamp;
  actor: NamedActor;
  type: EventType;
  data: Record<string, unknown>;
  hash: Hash;
};

/** `2026-11-22 13:09` in the machine's zone. */
const localTime = (time: Timestamp): string => {
  const date = new Date(time);
  const two = (part: number) => String(part).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
};

export type NamedAt = (kind: NamedKind, id: number) => Position;

const MAX_ACTORS = 1_000;

export class History {
  readonly #queries: LogQueries;
  readonly #names: NamesAt;
  readonly #time: (time: Timestamp) => string;
  readonly #actors = new Map<string, NamedActor>();
  readonly #texts = new WeakMap<NamedActor, string>();

  constructor(queries: LogQueries, time: (time: Timestamp) => string = localTime) {
    this.#queries = queries;
    this.#names = new NamesAt(queries);
    this.#time = time;
  }

  entriesOf(commit: RecordedCommit): HistoryEntry[] {
    return commit.records.map((record) => this.entryOf(record));
  }

  entryOf(record: ToldRecord): HistoryEntry {
    const { position, id, commandId, recordedAt, type, hash } = record;
    const actor = this.#actorOf(record.actor, position);
    return { position, id, commandId, recordedAt, actor, type, data: dataOf(record), hash };
  }

  /** Keeps the sealed body: parsing and serialising it would be most of the cost. */
  textOf(record: ToldRecord): string {
    const { position, id, commandId, recordedAt, type, body, hash } = record;
    const actor = this.#textOfActor(this.#actorOf(record.actor, position));
    return (
      `{"position":${position},"id":"${id}","commandId":${JSON.stringify(commandId)},"recordedAt":"${recordedAt}",` +
      `"actor":${actor},"type":"${type}","data":${body},"hash":"${hash}"}`
    );
  }

  #textOfActor(actor: NamedActor): string {
    const known = this.#texts.get(actor);
    if (known !== undefined) return known;
    const text = JSON.stringify(actor);
    this.#texts.set(actor, text);
    return text;
  }

  /** One line safe for a terminal: `ann added peer bob (10.61.1.7) to humans, invitation until …`. */
  describe(entry: HistoryEntry): string {
    return `${this.#who(entry.actor)} ${this.what(entry)}`;
  }

  /** Safe for a terminal. */
  who({ actor }: HistoryEntry): string {
    return this.#who(actor);
  }

  /** Actors are few and repeat. */
  #actorOf(text: string, position: Position): NamedActor {
    const known = this.#actors.get(text);
    const actor = known ?? (JSON.parse(text) as Actor);
    const name = actor.kind === 'operator' ? actor.user : this.#nameOfActor(actor, position);
    if (known && known.name === name) return known;
    const { name: _, ...plain } = actor as NamedActor;
    const named = name === undefined ? plain : { ...plain, name };
    if (this.#actors.size >= MAX_ACTORS) this.#actors.clear();
    this.#actors.set(text, named as NamedActor);
    return named as NamedActor;
  }

  #nameOfActor(actor: Actor, position: Position): string | undefined {
    const peerId = actingPeer(actor);
    return peerId === undefined ? undefined : this.#names.nameOf('peer', peerId, position - 1);
  }

  #who(actor: HistoryEntry['actor']): string {
    switch (actor.kind) {
      case 'server':
        return 'the server';
      case 'peer':
        return actor.name === undefined ? `peer ${actor.peerId}` : nameText(actor.name);
      case 'operator':
        return `${this.#operator(actor)} on the server`;
    }
  }

  #operator({ user, uid }: { user?: string | undefined; uid: number }): string {
    if (user !== undefined) return nameText(user);
    return uid === 0 ? 'root' : `uid ${uid}`;
  }

  /** Without the actor; names as of before the event, or at the positions of `namedAt`. */
  what(entry: HistoryEntry, namedAt: NamedAt = () => entry.position - 1): string {
    const event = { type: entry.type, ...entry.data } as NetworkEvent;
    return sentenceOf(event, this.#words(namedAt));
  }

  #words(namedAt: NamedAt): Words {
    const named = (kind: NamedKind, id: number) => {
      const name = this.#names.nameOf(kind, id, namedAt(kind, id));
      return name === undefined ? String(id) : nameText(name);
    };
    return {
      peer: (id) => named('peer', id),
      cidr: (id) => named('cidr', id),
      route: (id) => named('route', id),
      association: (id) => {
        const ends = this.#queries.endsOf(id);
        return ends ? ends.map((cidr) => named('cidr', cidr)).join(' and ') : `CIDRs (association ${id})`;
      },
      ends: (id) => this.#queries.endsOf(id),
      time: this.#time,
    };
  }
}
