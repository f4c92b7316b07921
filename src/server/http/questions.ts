/** Questions about the log as peers ask them: one of each peer is worked on, all peers in turns, at a price. */

import type { FastifyRequest } from 'fastify';
import type { Peer } from '../../domain/peer.ts';
import { appears, sees } from '../../domain/visibility.ts';
import type { AnswerTo, Asked, Question, QuestionOf } from '../../protocol/past.ts';
import { Failure } from '../../values/failure.ts';
import { type PeerId, SERVER_PEER } from '../../values/id.ts';
import type { Ip } from '../../values/ip.ts';
import { Turns } from '../../wireguard/device.ts';
import type { Live } from '../live/live.ts';
import { newsAfter } from '../past/news.ts';
import { AdminsOnly, type Sight } from '../past/own-past.ts';
import type { Bearers } from '../past/past.ts';
import { accountOf, speaksAsAdmin } from './calls.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { Door } from './door.ts';
import { costOfWork } from './quotas.ts';
import { BadRequest } from './refusal.ts';

/** Questions of one peer at a time, those included that wait: for their turn, or for something to happen. */
const MAX_QUESTIONS = 8;

/** What an account has asked and has not been answered yet. */
type Open = { count: number; turns: Turns };

export class Questions {
  readonly #deps: ApiDependencies;
  readonly #door: Pick<Door, 'callerNow' | 'owe'>;
  /** By account: what proves nothing keeps nobody waiting who does. */
  readonly #open = new Map<string, Open>();
  /** Those that read whole networks, one after another, so that memory stays bounded; and all others beside them. */
  readonly #lanes = { whole: new Turns(), part: new Turns() };

  constructor(deps: ApiDependencies, door: Pick<Door, 'callerNow' | 'owe'>) {
    this.#deps = deps;
    this.#door = door;
  }

  /** The answer as JSON in UTF-8. Throws a `BadRequest` where there is none, or none for who asks. */
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

  /** The same as a value. */
  async value<A extends Asked>(question: QuestionOf<A>, request: FastifyRequest): Promise<AnswerTo<A>> {
    return JSON.parse((await this.ask(question, request)).toString()) as AnswerTo<A>;
  }

  /** One that waits for something to happen does not keep others of its peer waiting. */
  async #answer(question: Question, request: FastifyRequest, turns: Turns): Promise<Buffer> {
    if (question.ask === 'history' && question.wait)
      await newsAfter(followed(this.#deps.live), question.after);
    return turns.take(() => this.#lanes[laneOf(question)].take(() => this.#work(question, request)));
  }

  /** Whoever has hung up, or lost its right meanwhile, is not worked for. */
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

/** What is told is read after the followers have it: an answer may be followed by a look at the network. */
const followed = (live: Live): Parameters<typeof newsAfter>[0] => ({
  head: async () => live.head,
  wake: (listener) => live.subscribe(listener),
});

/** Of a question about the present, who has the names in it; undefined where the log must be asked. */
const bearersOf = (question: Question, { network }: Live): Bearers => {
  if (question.ask !== 'why' || question.at !== undefined) return [];
  return question.peers.map((name) => (network.peerNamed(name) ?? network.peerAt(name as Ip))?.id);
};

/** Of the present network, whenever it is asked. */
const sightOf =
  ({ network }: Live, self: PeerId): Sight =>
  async (ids) => {
    const viewer = network.peer(self);
    const seen = new Map<PeerId, string>();
    for (const id of ids) {
      const peer = network.peer(id);
      const isKnown =
        id === self ||
        id === SERVER_PEER ||
        (appears(peer) && viewer && sees(network, viewer.cidrId, peer.cidrId));
      if (peer && isKnown) seen.set(id, peer.name);
    }
    return seen;
  };

/** A question without an answer is the asker's mistake, not the server's. */
const asRefusal = (failure: Failure): BadRequest => {
  const { message, hint, verb } = failure;
  const how = { ...(hint ? { hint } : {}), ...(verb ? { verb } : {}) };
  if (failure instanceof AdminsOnly)
    return new BadRequest(message, { status: 403, code: 'AdminsOnly', ...how });
  return new BadRequest(message, { code: 'NoAnswer', ...how });
};
