/** Answers questions about a network's past from its log. It knows no asker: who may ask what is in http/past.ts. */

import type { Texts } from '../../cli/plane.ts';
import type { Association } from '../../domain/association-graph.ts';
import { differenceOf } from '../../domain/difference.ts';
import type { Network } from '../../domain/network.ts';
import type { Placed } from '../../domain/pair-story.ts';
import { Rejected } from '../../domain/rejection.ts';
import { type Reason, whyOf } from '../../domain/why.ts';
import { eventOf } from '../../events/upcast.ts';
import { Background } from '../../projections/background.ts';
import { History, type HistoryEntry, type ToldRecord } from '../../projections/history.ts';
import { HistoryPages, recordsOfPair } from '../../projections/history-pages.ts';
import type { Thing } from '../../projections/history-tables.ts';
import { Things } from '../../projections/things.ts';
import type { AnswerTo, Asked, Moment, Place, QuestionOf, Told } from '../../protocol/past.ts';
import { follow } from '../../store/follow.ts';
import type { SqliteLog } from '../../store/sqlite-log.ts';
import { Failure } from '../../values/failure.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { Timestamp } from '../../values/time.ts';
import { advanceTo, networkAt, placeAt, placeOf, placeSince } from './places.ts';
import { briefOf, reachOf } from './rehearsal.ts';
import { planUndo } from './undo.ts';

/** Records that one page looks through: the rest of the server goes on meanwhile. */
const STRETCH = 20_000;

/** The part of (after, until] that one page looks at, from the end at which it begins. */
const within = (
  until: Position,
  { after, reverse }: QuestionOf<'history'>,
): [after: Position, until: Position] =>
  reverse ? [Math.max(after, until - STRETCH), until] : [after, Math.min(until, after + STRETCH)];

/** How long a question waits for something to happen, in milliseconds; calls may take 10 s. */
const PATIENCE = 7_000;

type Answering = { [A in Asked]: (question: QuestionOf<A>) => Promise<AnswerTo<A>> };

export class LogPast {
  readonly #log: SqliteLog;
  readonly #history: History;
  readonly #background: Background;
  readonly #answering: Answering;

  constructor(log: SqliteLog) {
    this.#log = log;
    this.#history = new History(log.database, (time) => time);
    this.#background = new Background(log.database, this.#history);
    this.#answering = {
      head: () => this.#head(),
      place: ({ at, orBeginning }) => (orBeginning ? placeSince : placeAt)(log, at),
      history: (question) => this.#pageOf(question),
      state: ({ at }) => this.#state(at),
      diff: ({ from, to }) => this.#diff(from, to),
      why: (question) => this.#why(question),
      undo: (question) => planUndo(log, question),
    };
  }

  /** Throws `Failure` where there is no answer: a position beyond the head, a name that nobody ever had. */
  ask<A extends Asked>(question: QuestionOf<A>): Promise<AnswerTo<A>> {
    const answer = this.#answering[question.ask] as (asked: QuestionOf<A>) => Promise<AnswerTo<A>>;
    return answer(question);
  }

  /** Does what it is given; a refusal by a rule gets what the log knows of why it stands so. */
  async explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Rejected) error.background = this.#background.of(error.rejection);
      throw error;
    }
  }

  /** The peer that had a name at a position. Throws `Failure`. */
  peerCalled(name: string, position: Position): PeerId {
    return new Things(this.#log.database).peer(name, position);
  }

  /** A record as it is told. */
  told(record: ToldRecord): Told {
    const entry = this.#history.entryOf(record);
    const who = this.#history.who(entry);
    return withWords(entry, who, `${who} ${this.#history.what(entry)}`);
  }

  async #place(at: Moment | undefined): Promise<Place> {
    return at === undefined ? placeOf(this.#log, (await this.#log.head()).position) : placeAt(this.#log, at);
  }

  async #head(): Promise<AnswerTo<'head'>> {
    const networkId = await this.#log.networkId();
    if (!networkId) throw new Failure(`${this.#log.file} holds no network yet`);
    const [first] = await this.#log.read(0, 1);
    const event = first && eventOf(first);
    const network = event && 'name' in event ? event.name : '';
    return { network, networkId, ...(await this.#place(undefined)) };
  }

  /** A page of history as JSON texts, an event each. */
  async texts(question: QuestionOf<'history'>): Promise<Texts> {
    const { told, end } = await this.#recordsOf(question, (record) => this.#history.textOf(record));
    return { texts: told, end };
  }

  /** History of one peer alone. */
  ofPeer(id: PeerId, question: QuestionOf<'history'>): Promise<AnswerTo<'history'>> {
    return this.#pageOf(question, [{ kind: 'peer', id }]);
  }

  async #pageOf(question: QuestionOf<'history'>, things?: Thing[]): Promise<AnswerTo<'history'>> {
    const tell = (record: ToldRecord): Told =>
      // Words are half of what a record costs.
      question.wordless ? withWords(this.#history.entryOf(record), '', '') : this.told(record);
    const { told, end } = await this.#recordsOf(question, tell, things);
    return { entries: told, end };
  }

  async #recordsOf<T>(
    question: QuestionOf<'history'>,
    tell: (record: ToldRecord) => T,
    things?: Thing[],
  ): Promise<{ told: T[]; end: Position }> {
    const { after, types, actor, reverse = false, limit, wait } = question;
    const about = things ?? question.about;
    if (wait) await this.#next(after);
    const [from, to] = within(question.until ?? (await this.#log.head()).position, question);
    const pages = new HistoryPages(this.#log.database, { types, actor, about }, reverse);
    const records = pages.read({ after: from, until: to, limit });
    const told = records.map(tell);
    const last = records.length === limit ? records.at(-1) : undefined;
    if (!last) return { told, end: reverse ? from : Math.max(after, to) };
    return { told, end: reverse ? last.position - 1 : last.position };
  }

  /** Resolves when there is a commit after a position, or nothing has happened for long enough. */
  async #next(after: Position): Promise<void> {
    const enough = new AbortController();
    const timer = setTimeout(() => enough.abort(), PATIENCE);
    try {
      await follow(this.#log, after, () => enough.abort(), enough.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async #state(at: Moment | undefined): Promise<AnswerTo<'state'>> {
    const place = await this.#place(at);
    const network = await networkAt(this.#log, place);
    return {
      network: network.name,
      ...place,
      cidrs: [...network.cidrs()],
      peers: [...network.peers()],
      associations: Array.from(network.associations(), plain),
      isProofRequired: network.isProofRequired,
    };
  }

  async #diff(start: Moment, end: Moment | undefined): Promise<AnswerTo<'diff'>> {
    const [from, to] = await this.#ends(start, end);
    const before = await networkAt(this.#log, from);
    const after = before.clone();
    await advanceTo(this.#log, after, to.position);
    const { cidrs, peers, associations, isProofRequired, reach } = differenceOf(before, after);
    return {
      from,
      to,
      cidrs,
      peers,
      associations: {
        added: associations.added.map((each) => named(after, each)),
        removed: associations.removed.map((each) => named(before, each)),
        changed: [],
      },
      ...(isProofRequired ? { isProofRequired } : {}),
      reach: reachOf(reach),
    };
  }

  async #ends(start: Moment, end: Moment | undefined): Promise<[Place, Place]> {
    const from = await placeAt(this.#log, start);
    const to = await this.#place(end);
    if (from.position <= to.position) return [from, to];
    throw new Failure(`position ${from.position} comes after position ${to.position}`, {
      hint: 'name the earlier moment first',
    });
  }

  async #why({ peers, at }: QuestionOf<'why'>): Promise<AnswerTo<'why'>> {
    const place = await this.#place(at);
    const [one, other] = peers.map((name) => this.peerCalled(name, place.position)) as [PeerId, PeerId];
    if (one === other)
      throw new Failure('a peer can always talk to itself', { hint: 'name two peers', verb: 'list-peers' });
    const records = recordsOfPair(this.#log.database, [one, other], place.position);
    const events = records.map((record): Placed => ({ position: record.position, event: eventOf(record) }));
    const now = at === undefined ? new Date().toISOString() : place.time;
    const why = whyOf([one, other], events, now as Timestamp);
    if (!why) throw new Failure('one of them was not there yet', { hint: 'ask about a later moment' });
    const told = await this.#toldAt(why);
    const judged = (index: 0 | 1) => ({
      ...briefOf(why.peers[index]),
      cidr: why.homes[index]?.name ?? null,
    });
    return {
      visible: why.visible,
      at: place,
      peers: [judged(0), judged(1)],
      sight: why.sight,
      reasons: why.reasons.map(({ positions, ...reason }) => ({
        ...reason,
        events: positions.flatMap((position) => told.get(position) ?? []),
      })),
      since: (why.turnedAt !== undefined && told.get(why.turnedAt)) || null,
    };
  }

  async #toldAt({
    reasons,
    turnedAt,
  }: {
    reasons: Reason[];
    turnedAt: Position | undefined;
  }): Promise<Map<Position, Told>> {
    const positions = new Set(reasons.flatMap((reason) => reason.positions));
    if (turnedAt !== undefined) positions.add(turnedAt);
    const told = new Map<Position, Told>();
    for (const position of positions) {
      const [record] = await this.#log.read(position - 1, 1);
      if (record) told.set(position, this.told(record));
    }
    return told;
  }
}

/** Each field by its name: a copy of an object with more to it takes three times as long. */
const withWords = (entry: HistoryEntry, who: string, sentence: string): Told => {
  const { position, id, commandId, recordedAt, actor, type, data, hash } = entry;
  return { position, id, commandId, recordedAt, actor, type, data, hash, who, sentence };
};

const plain = ({ id, cidrIds: [left, right] }: Association) => ({
  id,
  cidrIds: [left, right] as [typeof left, typeof right],
});

const named = (network: Network, association: Association) => {
  const nameOf = (id: Association['cidrIds'][number]): string => network.cidr(id)?.name ?? `CIDR ${id}`;
  const [left, right] = association.cidrIds;
  return { ...plain(association), cidrs: [nameOf(left), nameOf(right)] as [string, string] };
};
