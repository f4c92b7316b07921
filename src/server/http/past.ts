/** The log as peers may ask it over the API: admins everything, any other peer about itself alone. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer-table.ts';
import { appears, sees } from '../../domain/visibility.ts';
import { PAST_PATH } from '../../protocol/http.ts';
import { type AnswerTo, type Asked, Question, type QuestionOf, type Told } from '../../protocol/past.ts';
import { Failure } from '../../values/failure.ts';
import { type PeerId, SERVER_PEER } from '../../values/id.ts';
import { route, speaksAsAdmin } from './calls.ts';
import type { Parts } from './parts.ts';
import { BadRequest, parsed } from './refusal.ts';

export const pastRoutes = (app: FastifyInstance, parts: Parts): void => {
  const turns = new Turns();
  route(app, 'redeemed', 'POST', PAST_PATH, async (request: FastifyRequest) => {
    const { body, caller } = request;
    const question = parsed(Question, body);
    try {
      if (!speaksAsAdmin(parts, request)) return await new OwnPast(parts, caller).ask(question);
      return await (isHeavy(question)
        ? turns.take(() => parts.past.ask(question))
        : parts.past.ask(question));
    } catch (error) {
      throw error instanceof Failure ? asRefusal(error) : error;
    }
  });
};

/** A question without an answer is the asker's mistake, not the server's. */
export const asRefusal = ({ message, hint, verb }: Failure): BadRequest =>
  new BadRequest(message, { code: 'NoAnswer', ...(hint ? { hint } : {}), ...(verb ? { verb } : {}) });

/** Questions that read whole networks are answered one after another, so that memory stays bounded. */
const isHeavy = ({ ask }: Question): boolean => ask === 'state' || ask === 'diff' || ask === 'undo';

class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

/** What a peer that is no admin may hear: of itself, and of others no more than their names where it sees them. */
class OwnPast {
  readonly #past: Parts['past'];
  readonly #network: Network;
  readonly #caller: Peer;

  constructor({ past, live }: Parts, caller: Peer) {
    this.#past = past;
    this.#network = live.network;
    this.#caller = caller;
  }

  async ask(question: Question): Promise<AnswerTo<Asked>> {
    switch (question.ask) {
      case 'head':
        return this.#past.ask(question);
      case 'place':
        return this.#past.ask(question);
      case 'history':
        return this.#history(question);
      case 'why':
        return this.#why(question);
      case 'state':
      case 'diff':
      case 'undo':
        throw adminsOnly('only an admin may ask about the whole network');
    }
  }

  async #history(question: QuestionOf<'history'>): Promise<AnswerTo<'history'>> {
    const { about, actor, ...rest } = question;
    if (about !== undefined && !this.#isSelf(about)) throw adminsOnly('only an admin may ask about others');
    if (actor !== undefined) throw adminsOnly('only an admin may ask who did what');
    const { entries, end } = await this.#past.ofPeer(this.#caller.id, { ...rest, ask: 'history' });
    return { entries: entries.map((entry) => this.#veiled(entry)), end };
  }

  async #why(question: QuestionOf<'why'>): Promise<AnswerTo<'why'>> {
    const others = question.peers.filter((name) => !this.#isSelf(name));
    if (others.length > 1) throw adminsOnly('only an admin may ask about two other peers');
    if (others.some((name) => !this.#isSeen(name)))
      throw new BadRequest(`this machine sees no peer "${others[0]}"`, {
        code: 'NoAnswer',
        hint: 'an admin can see why',
      });
    const found = await this.#past.ask(question);
    const reasons = found.reasons.map((reason) => ({
      ...reason,
      events: reason.events.map((event) => this.#veiled(event)),
    }));
    return { ...found, reasons, since: found.since && this.#veiled(found.since) };
  }

  #isSelf(name: string): boolean {
    return [this.#caller.name, `peer:${this.#caller.name}`, this.#caller.ip].includes(name);
  }

  #isSeen(name: string): boolean {
    const plain = name.replace(/^peer:/, '');
    for (const peer of [this.#network.peerNamed(plain), this.#network.peerAt(plain as Peer['ip'])])
      if (peer && this.#mayKnow(peer.id)) return true;
    return false;
  }

  #mayKnow(id: PeerId): boolean {
    if (id === this.#caller.id || id === SERVER_PEER) return true;
    const peer = this.#network.peer(id);
    return appears(peer) && sees(this.#network, this.#caller.cidrId, peer.cidrId);
  }

  /** Whoever did it keeps their name from a peer that does not see them. */
  #veiled(told: Told): Told {
    const { kind, peerId } = told.actor;
    if (kind === 'server' || (peerId !== undefined && this.#mayKnow(peerId))) return told;
    if (told.who === '') return { ...told, actor: { kind } };
    const who = UNNAMED[kind];
    return { ...told, actor: { kind }, who, sentence: told.sentence.replace(told.who, who) };
  }
}

const UNNAMED = { operator: 'somebody on the server', peer: 'an admin', server: 'the server' } as const;

const adminsOnly = (sentence: string): BadRequest =>
  new BadRequest(sentence, {
    status: 403,
    code: 'AdminsOnly',
    hint: 'ask about this machine itself: history, or why with its own name and that of a peer it sees',
  });
