/** Answers questions about a network's past from its log, for any asker. */

import type { Texts } from '../../cli/plane.ts';
import type { Association } from '../../domain/association-graph.ts';
import { differenceOf } from '../../domain/difference.ts';
import type { Network } from '../../domain/network.ts';
import type { Rejection } from '../../domain/rejection.ts';
import type { Route } from '../../domain/route-table.ts';
import type { Thing } from '../../events/subject.ts';
import { eventOf } from '../../events/upcast.ts';
import { Background } from '../../projections/background.ts';
import { History, type HistoryEntry } from '../../projections/history.ts';
import { recordFilter } from '../../projections/history-pages.ts';
import { Things } from '../../projections/things.ts';
import type { AnswerTo, Asked, Moment, Place, QuestionOf, Told } from '../../protocol/past.ts';
import type { EventLog } from '../../store/log.ts';
import type { ToldRecord } from '../../store/queries.ts';
import { Failure } from '../../values/failure.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { Timestamp } from '../../values/time.ts';
import { timestamp } from '../commands/control-plane.ts';
import { newsAfter } from './news.ts';
import { Pairs } from './pairs.ts';
import { advanceTo, networkAt, placeAt, placeOf } from './places.ts';
import { RecordedTimes } from './recorded-times.ts';
import { reachOf } from './rehearsal.ts';
import { planUndo } from './undo.ts';
import { judgedRoute } from './why-route.ts';

/** The rest of the server runs between two pages. */
const MAX_PAGE_RECORDS = 20_000;

/** The part of (after, until] for one page. */
const within = (
  until: Position,
  { after, reverse }: QuestionOf<'history'>,
): [after: Position, until: Position] =>
  reverse
    ? [Math.max(after, until - MAX_PAGE_RECORDS), until]
    : [after, Math.min(until, after + MAX_PAGE_RECORDS)];

/** Present bearers of a question's names, where known: saves a search. */
export type Bearers = readonly (PeerId | undefined)[];

type Answering = { [A in Asked]: (question: QuestionOf<A>, bearers: Bearers) => Promise<AnswerTo<A>> };

export class LogPast {
  readonly pairs: Pairs;
  readonly history: History;
  readonly #log: EventLog;
  readonly #times: RecordedTimes;
  readonly #things: Things;
  readonly #background: Background;
  readonly #answering: Answering;

  constructor(log: EventLog) {
    this.#log = log;
    this.pairs = new Pairs(log);
    this.history = new History(log.queries, (time) => time);
    this.#times = new RecordedTimes(log);
    this.#things = new Things(log.queries);
    this.#background = new Background(log.queries, this.history);
    this.#answering = {
      head: () => this.#head(),
      place: ({ at }) => placeAt(log, this.#times, at),
      history: (question) => this.#pageOf(question),
      state: ({ at }) => this.#state(at),
      diff: ({ from, to }) => this.#diff(from, to),
      why: (question, bearers) => this.#why(question, bearers),
      whyRoute: (question) => this.#whyRoute(question),
      undo: (question) => planUndo(log, question),
    };
  }

  /** Throws `Failure`: a position beyond the head, an unknown name. */
  ask<A extends Asked>(question: QuestionOf<A>, bearers: Bearers = []): Promise<AnswerTo<A>> {
    const answer = this.#answering[question.ask] as Answering[A];
    return answer(question, bearers);
  }

  backgroundOf(rejection: Rejection): string | undefined {
    return this.#background.of(rejection);
  }

  /** At any position. */
  peersMeant(text: string): PeerId[] {
    return this.#things.peersMeant(text);
  }

  peerCalled(name: string, position: Position, among: ReadonlySet<PeerId>): PeerId {
    return this.#things.peer(name, position, among);
  }

  told(record: ToldRecord): Told {
    const entry = this.history.entryOf(record);
    const who = this.history.who(entry);
    return toldOf(entry, who, `${who} ${this.history.what(entry)}`);
  }

  /** Without a moment, the head. Throws `Failure`. */
  async placeOf(at: Moment | undefined): Promise<Place> {
    if (at !== undefined) return placeAt(this.#log, this.#times, at);
    return placeOf(this.#log, (await this.#log.head()).position);
  }

  async #head(): Promise<AnswerTo<'head'>> {
    const networkId = await this.#log.networkId();
    if (!networkId) throw new Failure(`${this.#log.name} holds no network yet`);
    const [first] = await this.#log.read(0, 1);
    const event = first && eventOf(first);
    const network = event && 'name' in event ? event.name : '';
    return { network, networkId, ...(await this.placeOf(undefined)) };
  }

  async texts(question: QuestionOf<'history'>): Promise<Texts> {
    const { told, end } = await this.#recordsOf(question, (record) => this.history.textOf(record));
    return { texts: told, end };
  }

  async ofPeer(
    id: PeerId,
    question: QuestionOf<'history'>,
  ): Promise<{ records: ToldRecord[]; end: Position }> {
    const { told, end } = await this.#recordsOf(question, (record) => record, [{ kind: 'peer', id }]);
    return { records: told, end };
  }

  async #pageOf(question: QuestionOf<'history'>): Promise<AnswerTo<'history'>> {
    const tell = (record: ToldRecord): Told =>
      // Words are half of a record's cost.
      question.wordless ? toldOf(this.history.entryOf(record), '', '') : this.told(record);
    const { told, end } = await this.#recordsOf(question, tell);
    return { entries: told, end };
  }

  async #recordsOf<T>(
    question: QuestionOf<'history'>,
    tell: (record: ToldRecord) => T,
    things?: Thing[],
  ): Promise<{ told: T[]; end: Position }> {
    const { after, types, actor, reverse = false, limit, wait } = question;
    const about = things ?? question.about;
    if (wait) await newsAfter(this.#log, after);
    const [from, to] = within(question.until ?? (await this.#log.head()).position, question);
    const { queries } = this.#log;
    const filter = recordFilter(queries, { types, actor, about });
    const records = queries.records(filter, { after: from, until: to, limit, reverse });
    const told = records.map(tell);
    const last = records.length === limit ? records.at(-1) : undefined;
    if (!last) return { told, end: reverse ? from : Math.max(after, to) };
    return { told, end: reverse ? last.position - 1 : last.position };
  }

  async #state(at: Moment | undefined): Promise<AnswerTo<'state'>> {
    const place = await this.placeOf(at);
    const network = await networkAt(this.#log, place);
    return {
      network: network.name,
      ...place,
      cidrs: [...network.cidrs()],
      peers: [...network.peers()],
      associations: Array.from(network.associations(), plain),
      routes: Array.from(network.routes(), routeRow),
      isProofRequired: network.isProofRequired,
      defaultExpiry: network.defaultExpiry,
      ...(network.promotion ? { promotion: network.promotion } : {}),
    };
  }

  async #diff(start: Moment, end: Moment | undefined): Promise<AnswerTo<'diff'>> {
    const [from, to] = await this.#ends(start, end);
    const before = await networkAt(this.#log, from);
    const after = before.clone();
    await advanceTo(this.#log, after, to.position);
    const { cidrs, peers, associations, isProofRequired, defaultExpiry, reach } = differenceOf(before, after);
    return {
      from,
      to,
      cidrs,
      peers,
      associations: {
        added: associations.added.map((each) => named(after, each)),
        removed: associations.removed.map((each) => named(before, each)),
        changed: associations.changed.map((each) => ({
          before: named(before, each.before),
          after: named(after, each.after),
        })),
      },
      ...(isProofRequired ? { isProofRequired } : {}),
      ...(defaultExpiry ? { defaultExpiry } : {}),
      reach: reachOf(reach),
    };
  }

  async #ends(start: Moment, end: Moment | undefined): Promise<[Place, Place]> {
    const from = await this.placeOf(start);
    const to = await this.placeOf(end);
    if (from.position <= to.position) return [from, to];
    throw new Failure(`position ${from.position} comes after position ${to.position}`, {
      hint: 'name the earlier moment first',
    });
  }

  async #whyRoute({ peer: name, route: called, at }: QuestionOf<'whyRoute'>): Promise<AnswerTo<'whyRoute'>> {
    const place = await this.placeOf(at);
    const network = await networkAt(this.#log, place);
    const ids = this.#things.routes(called);
    const id = ids.findLast((each) => network.route(each)) ?? ids.at(-1);
    const peer = network.peer(this.#things.peer(name, place.position));
    if (!peer || id === undefined)
      throw new Failure(`"${name}" is no peer then`, { hint: 'ask about another moment, or another peer' });
    return judgedRoute(this.#log, { network, place, peer, id }, (record) => this.told(record));
  }

  async #why({ peers: [left, right], at }: QuestionOf<'why'>, bearers: Bearers): Promise<AnswerTo<'why'>> {
    const place = await this.placeOf(at);
    const one = bearers[0] ?? this.#things.peer(left, place.position);
    const other = bearers[1] ?? this.#things.peer(right, place.position);
    const why = this.pairs.judge([one, other], place, timeOf(place, at));
    const records = await this.pairs.recordsOf(why);
    return this.pairs.answer(
      why,
      place,
      records.map((record) => this.told(record)),
    );
  }
}

/** When invitations are judged. */
export const timeOf = ({ time }: Place, at: Moment | undefined): Timestamp =>
  at === undefined || time === null ? timestamp() : time;

/** Copying an object with surplus fields takes three times as long. */
export const toldOf = (
  entry: Omit<HistoryEntry, 'actor'> & Pick<Told, 'actor'>,
  who: string,
  sentence: string,
): Told => {
  const { position, id, commandId, recordedAt, actor, type, data, hash } = entry;
  return { position, id, commandId, recordedAt, actor, type, data, hash, who, sentence };
};

const routeRow = ({ id, name, blocks, routers, openTo }: Route) => ({
  id,
  name,
  blocks: [...blocks],
  routers: [...routers],
  openTo: [...openTo],
});

const plain = ({ id, cidrIds: [left, right], allow }: Association) => ({
  id,
  cidrIds: [left, right] as [typeof left, typeof right],
  ...(allow ? { allow: [...allow] } : {}),
});

const named = (network: Network, association: Association) => {
  const nameOf = (id: Association['cidrIds'][number]): string => network.cidr(id)?.name ?? `CIDR ${id}`;
  const [left, right] = association.cidrIds;
  return { ...plain(association), cidrs: [nameOf(left), nameOf(right)] as [string, string] };
};
