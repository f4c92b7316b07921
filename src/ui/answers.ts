/** What the page asks, answered by the network's plane. */

import type * as z from 'zod';
import type { Plane } from '../cli/plane.ts';
import { note } from '../cli/print.ts';
import { suggestedLine } from '../domain/rejection.ts';
import type { Looked, LookRequest } from '../protocol/looking.ts';
import type {
  About,
  Committed,
  FirstAnswer,
  News,
  PageQuestion,
  PageRefusal,
  Prepared,
  Stretch,
  ToCommit,
  ToPrepare,
  TunnelWay,
} from '../protocol/page.ts';
import { Failure } from '../values/failure.ts';
import { type PeerId, SERVER_PEER } from '../values/id.ts';
import type { Ip } from '../values/ip.ts';
import { Actions } from './actions.ts';
import type { Answers } from './door.ts';
import { commandLineOf } from './intents.ts';
import { Follower } from './news.ts';
import { refusalOf } from './refusals.ts';

export type Own = {
  /** Of this machine in the network; absent: the server's program, which speaks for the server. */
  ip?: Ip | undefined;
  ways: () => Promise<TunnelWay[]>;
};

export type Program = Pick<About, 'program' | 'version' | 'typed'>;

type State = FirstAnswer['state'];

const viewed = async (plane: Plane): Promise<State> => {
  const { name, position, hash, peers, cidrs } = await plane.view();
  return { network: name, position, hash, time: null, peers, cidrs, associations: [] };
};

const selfIn = ({ peers }: State, { ip }: Own): PeerId | null =>
  ip === undefined ? SERVER_PEER : (peers.find((peer) => peer.ip === ip)?.id ?? null);

/** Whole for an admin, else what this peer sees. */
const firstState = async (plane: Plane, own: Own): Promise<{ state: State; isAdmin: boolean }> => {
  try {
    return { state: await plane.ask({ ask: 'state' }), isAdmin: true };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const state = await viewed(plane).catch(() => undefined);
    const self = state?.peers.find(({ ip }) => ip === own.ip);
    if (!state || !self || self.isAdmin) throw error;
    return { state, isAdmin: false };
  }
};

class PlaneAnswers implements Answers {
  readonly #plane: Plane;
  readonly #program: Program;
  readonly #own: Own;
  readonly #follower: Follower;
  readonly #actions: Actions;
  #isAdmin: boolean;

  constructor(plane: Plane, program: Program, { own, isAdmin }: { own: Own; isAdmin: boolean }) {
    this.#plane = plane;
    this.#program = program;
    this.#own = own;
    this.#isAdmin = isAdmin;
    const { typed } = program;
    this.#actions = new Actions(plane, {
      commandLine: (intent) => commandLineOf(typed, plane.network, intent),
      suggest: this.#suggest,
    });
    this.#follower = new Follower({
      plane,
      isAdmin: () => this.#isAdmin,
      whole: () => viewed(plane),
      ways: own.ways,
      refusalOf: (error) => this.refusalOf(error),
    });
  }

  async first(): Promise<FirstAnswer> {
    const { state, isAdmin } = await firstState(this.#plane, this.#own);
    const self = selfIn(state, this.#own);
    this.#isAdmin = isAdmin;
    return { about: { ...this.#program, local: this.#plane.network, self, isAdmin }, state };
  }

  ask({ question }: z.infer<typeof PageQuestion>): Promise<unknown> {
    return this.#plane.ask(question);
  }

  async ways({ peers }: LookRequest): Promise<Looked> {
    return { ways: (await this.#plane.ways?.(peers)) ?? [] };
  }

  prepare({ intent }: z.infer<typeof ToPrepare>): Promise<Prepared> {
    return this.#actions.prepare(intent);
  }

  commit({ intent, at, confirmed = false }: z.infer<typeof ToCommit>): Promise<Committed> {
    return this.#actions.commit(intent, at, confirmed);
  }

  past({ after, until = after }: z.infer<typeof Stretch>): AsyncIterable<News> {
    return this.#follower.past(after, until);
  }

  follow({ after }: z.infer<typeof Stretch>, signal: AbortSignal): AsyncIterable<News> {
    return this.#follower.stream(after, signal);
  }

  refusalOf(error: unknown): PageRefusal {
    return refusalOf(error, this.#suggest, (bug) =>
      note(`${this.#program.program}: internal error: ${(bug as Error)?.stack ?? String(bug)}`),
    );
  }

  readonly #suggest = (verb: string): string => suggestedLine(this.#program.typed, this.#plane.network, verb);
}

/** Throws `Failure` where the network gives no first answer. */
export const answersOf = async (plane: Plane, program: Program, own: Own): Promise<Answers> =>
  new PlaneAnswers(plane, program, { own, isAdmin: (await firstState(plane, own)).isAdmin });
