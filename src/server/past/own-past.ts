/** What a non-admin peer may hear of the log: itself, and peers that it sees and saw then. */

import { nameText } from '../../domain/name-text.ts';
import type { Why } from '../../domain/why.ts';
import type { EventOf } from '../../events/schema.ts';
import type { HistoryEntry, NamedAt } from '../../projections/history.ts';
import type { AnswerTo, Asked, Question, QuestionOf, Told } from '../../protocol/past.ts';
import type { ToldRecord } from '../../store/queries.ts';
import { Failure } from '../../values/failure.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { Ip } from '../../values/ip.ts';
import { type Bearers, type LogPast, timeOf, toldOf } from './past.ts';

/** As it is at present. */
export type Asker = { id: PeerId; name: string; ip: Ip };

/** The peers that the asker sees at present, itself included, by present name. */
export type Sight = (ids: readonly PeerId[]) => Promise<ReadonlyMap<PeerId, string>>;

export class AdminsOnly extends Failure {}

export class OwnPast {
  readonly #past: LogPast;
  readonly #asker: Asker;
  readonly #sight: Sight;

  constructor(past: LogPast, asker: Asker, sight: Sight) {
    this.#past = past;
    this.#asker = asker;
    this.#sight = sight;
  }

  /** Throws `AdminsOnly`, or `Failure` where this asker gets no answer. */
  async ask(question: Question, bearers: Bearers): Promise<AnswerTo<Asked>> {
    switch (question.ask) {
      case 'head':
      case 'place':
        return this.#past.ask(question);
      case 'history':
        return this.#history(question);
      case 'why':
        return this.#why(question, bearers);
      case 'state':
      case 'diff':
      case 'undo':
      case 'whyRoute':
        throw adminsOnly('only an admin may ask about the whole network');
    }
  }

  async #history(question: QuestionOf<'history'>): Promise<AnswerTo<'history'>> {
    const { about, actor, ...rest } = question;
    if (about !== undefined && !this.#isSelf(about)) throw adminsOnly('only an admin may ask about others');
    if (actor !== undefined) throw adminsOnly('only an admin may ask who did what');
    const { records, end } = await this.#past.ofPeer(this.#asker.id, { ...rest, ask: 'history' });
    const { position } = await this.#past.placeOf(undefined);
    const known = await this.#actorsIn(records);
    const entries = records.map((record) => this.#veiled(record, known, position, question.wordless));
    return { entries, end };
  }

  /**
   * Names are searched only among visible peers, so that hidden ones make no difference; the asker must also
   * have seen the other peer at that place. The refusal never tells which was missing.
   */
  async #why(question: QuestionOf<'why'>, bearers: Bearers): Promise<AnswerTo<'why'>> {
    const { peers, at } = question;
    const place = await this.#past.placeOf(at);
    const one = await this.#found(peers[0], bearers[0], place.position);
    const other = await this.#found(peers[1], bearers[1], place.position);
    const { id: self } = this.#asker;
    if (one !== self && other !== self) {
      const own = peers.find((name) => this.#isSelf(name)); // a name that it did not have then
      throw own ? this.#unseen(own, question) : adminsOnly('only an admin may ask about two other peers');
    }
    if (one === undefined || other === undefined)
      throw this.#unseen(one === undefined ? peers[0] : peers[1], question);
    const why = this.#past.pairs.judge([one, other], place, timeOf(place, at));
    if (!isInSight(why, self)) throw this.#unseen(one === self ? peers[1] : peers[0], question);
    const read = await this.#past.pairs.recordsOf(why);
    const known = await this.#actorsIn(read);
    const told = read.filter((record) => this.#wasKnown(record, why.peers));
    return this.#past.pairs.answer(
      why,
      place,
      told.map((record) => this.#veiled(record, known, place.position)),
    );
  }

  async #found(name: string, bearer: PeerId | undefined, position: Position): Promise<PeerId | undefined> {
    const meant = bearer === undefined ? this.#past.peersMeant(name) : [bearer];
    const seen = new Set((await this.#sight(meant)).keys());
    if (bearer !== undefined && seen.has(bearer)) return bearer;
    try {
      return this.#past.peerCalled(name, position, seen);
    } catch (error) {
      if (error instanceof Failure) return undefined;
      throw error;
    }
  }

  #unseen(name: string, { at }: QuestionOf<'why'>): Failure {
    const sentence =
      at === undefined ? `this machine sees no peer "${name}"` : `this machine saw no peer "${name}" then`;
    return new Failure(sentence, { hint: 'an admin can see why' });
  }

  #isSelf(name: string): boolean {
    const { name: own, ip } = this.#asker;
    return [own, `peer:${own}`, ip].includes(name);
  }

  /**
   * An invitation's key stays private, and a peer may have had another name or key before the asker came: its
   * `PeerAdded` is told only under the name and with the key at the place asked about.
   */
  #wasKnown({ type, body }: ToldRecord, peers: Why['peers']): boolean {
    const { peerId, redeemed, name, publicKey } = JSON.parse(body) as Partial<EventOf<'PeerAdded'>>;
    if (peerId === undefined || peerId === this.#asker.id || type === 'InvitationRedeemed') return true;
    if (type === 'PeerAdded')
      return (
        redeemed === true &&
        peers.some((peer) => peer.id === peerId && peer.name === name && peer.publicKey === publicKey)
      );
    return type === 'PeerEnabled';
  }

  #actorsIn(records: readonly ToldRecord[]): Promise<ReadonlyMap<PeerId, string>> {
    const ids = new Set<PeerId>();
    for (const { actor } of records) {
      const { peerId } = JSON.parse(actor) as { peerId?: PeerId };
      if (peerId !== undefined) ids.add(peerId);
    }
    return this.#sight([...ids]);
  }

  /** Hides names of actors out of sight, and names from before the asker saw a peer or CIDR. */
  #veiled(
    record: ToldRecord,
    known: ReadonlyMap<PeerId, string>,
    position: Position,
    wordless = false,
  ): Told {
    const entry = this.#past.history.entryOf(record);
    const told = { ...entry, actor: this.#actorOf(entry, known) };
    if (wordless) return toldOf(told, '', '');
    const namedAt: NamedAt = (kind, id) =>
      kind === 'peer' && id === this.#asker.id ? entry.position - 1 : position;
    const { kind, name } = told.actor;
    const who = name === undefined ? UNNAMED[kind] : nameText(name);
    return toldOf(told, who, `${who} ${this.#past.history.what(entry, namedAt)}`);
  }

  #actorOf({ actor }: HistoryEntry, known: ReadonlyMap<PeerId, string>): Told['actor'] {
    const { kind } = actor;
    if (kind !== 'peer') return { kind };
    if (actor.peerId === this.#asker.id) return actor;
    const name = known.get(actor.peerId);
    return name === undefined ? { kind } : { kind, peerId: actor.peerId, name };
  }
}

/** Both were present and their CIDRs allowed it. */
const isInSight = ({ present, sight, peers }: Why, self: PeerId): boolean =>
  present[0] && present[1] && sight[peers[0].id === self ? 0 : 1];

const UNNAMED = { operator: 'somebody on the server', peer: 'an admin', server: 'the server' } as const;

const adminsOnly = (sentence: string): AdminsOnly =>
  new AdminsOnly(sentence, {
    hint: 'ask about this machine itself: history, or why with its own name and that of a peer it sees',
  });
