/** Questions of peers about the log: one at a time per peer, in turns, charged by work. */

import type { FastifyRequest } from 'fastify';
import type { Peer } from '../../domain/peer.ts';
import { mayBeShown } from '../../domain/reach.ts';
import { appears } from '../../domain/visibility.ts';
import { Turns } from '../../machine/turns.ts';
import type { AnswerTo, Asked, Question, QuestionOf } from '../../protocol/past.ts';
import { Failure } from '../../values/failure.ts';
import { type PeerId, SERVER_PEER } from '../../values/id.ts';
import type { Ip } from '../../values/ip.ts';
import type { Live } from '../live/live.ts';
import { newsAfter } from '../past/news.ts';
import { AdminsOnly, type Sight } from '../past/own-past.ts';
import type { Bearers } from '../past/past.ts';
import { accountOf, speaksAsAdmin } from './calls.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { Door } from './door.ts';
import { costOfWork } from './quotas.ts';
import { BadRequest } from './refusal.ts';

/** Per peer, waiting questions included. */
const MAX_QUESTIONS = 8;

type Open = { count: number; turns: Turns };

export class Questions {
  readonly #deps: ApiDependencies;
  readonly #door: Pick<Door, 'callerNow' | 'owe'>;
  /** Unproved programs delay only each other. */
  readonly #open = new Map<string, Open>();
  /** One whole network at a time, to bound memory. */
  readonly #lanes = { whole: new Turns(), part: new Turns() };

  constructor(deps: ApiDependencies, door: Pick<Door, 'callerNow' | 'owe'>) {
    this.#deps = deps;
    this.#door = door;
  }

  /** UTF-8 JSON. Throws a `BadRequest` where the caller gets no answer. */
  async ask(question: Question, request: FastifyRequest): Promise<Buffer> {
    const account = accountOf(request);
    const open = this.#open.get(account) ?? { count: 0, turns: new Turns() };
    if (open.count >= MAX_QUESTIONS) throw this.#tooMany(request.caller);
    this.#open.set(account, open);
    open.count += 1;
    try {
      return await this.#answer(question, request, open.turns);
    } catch (error) {
      throw error instanceof Failure ? asRefusal(error) : error;
    } finally {
      open.count -= 1;
      if (open.count === 0) this.#open.delete(account);
    }
  }

  async value<A extends Asked>(question: QuestionOf<A>, request: FastifyRequest): Promise<AnswerTo<A>> {
    return JSON.parse((await this.ask(question, request)).toString()) as AnswerTo<A>;
  }

  /** Waiting for news does not delay the peer's other questions. */
  async #answer(question: Question, request: FastifyRequest, turns: Turns): Promise<Buffer> {
    if (question.ask === 'history' && question.wait)
      await newsAfter(followed(this.#deps.live), question.after);
    return turns.take(() => this.#lanes[laneOf(question)].take(() => this.#work(question, request)));
  }

  /** No work for a caller that has hung up or lost its right. */
  async #work(asked: Question, { raw }: FastifyRequest): Promise<Buffer> {
    const { past, live } = this.#deps;
    const now = this.#door.callerNow(raw, 'redeemed');
    if (raw.socket.destroyed || !now) throw new BadRequest('who asked is gone', { status: 401 });
    const { id, name, ip } = now.peer;
    const isAdmin = speaksAsAdmin(this.#deps, { caller: now.peer, evidence: now.evidence });
    const inquiry = {
      question: withoutWait(asked),
      bearers: bearersOf(asked, live),
      ...(isAdmin ? {} : { asker: { id, name, ip } }),
    };
    const { bytes, work } = await past.answer(inquiry, sightOf(live, id));
    this.#door.owe(now, costOfWork(work));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #tooMany({ ip }: Peer): BadRequest {
    this.#deps.limits.exceeded('questions', ip);
    return new BadRequest(`a peer can ask ${MAX_QUESTIONS} questions at a time`, {
      status: 429,
      code: 'TooManyQuestions',
      hint: 'wait for an answer',
    });
  }
}

const laneOf = ({ ask }: Question): 'whole' | 'part' =>
  ask === 'state' || ask === 'diff' || ask === 'undo' ? 'whole' : 'part';

const withoutWait = (question: Question): Question =>
  question.ask === 'history' ? { ...question, wait: undefined } : question;

/** Only what the followers have: the caller may next look at the network. */
const followed = (live: Live): Parameters<typeof newsAfter>[0] => ({
  head: async () => live.head,
  wake: (listener) => live.subscribe(listener),
});

/** Present bearers of the names; undefined where the log must be asked. */
const bearersOf = (question: Question, { network }: Live): Bearers => {
  if (question.ask !== 'why' || question.at !== undefined) return [];
  return question.peers.map((name) => (network.peerNamed(name) ?? network.peerAt(name as Ip))?.id);
};

const sightOf =
  ({ network }: Live, self: PeerId): Sight =>
  async (ids) => {
    const viewer = network.peer(self);
    const seen = new Map<PeerId, string>();
    for (const id of ids) {
      const peer = network.peer(id);
      const isKnown =
        id === self || id === SERVER_PEER || (appears(peer) && viewer && mayBeShown(network, viewer, peer));
      if (peer && isKnown) seen.set(id, peer.name);
    }
    return seen;
  };

/** A question without an answer is the caller's mistake. */
const asRefusal = (failure: Failure): BadRequest => {
  const { message, hint, verb } = failure;
  const how = { ...(hint ? { hint } : {}), ...(verb ? { verb } : {}) };
  if (failure instanceof AdminsOnly)
    return new BadRequest(message, { status: 403, code: 'AdminsOnly', ...how });
  return new BadRequest(message, { code: 'NoAnswer', ...how });
};
