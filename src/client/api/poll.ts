/** The calls that follow an older server without a live stream. */
import { Capabilities, State } from '../../protocol/v1.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import { type Api, CallRefused } from './api.ts';
import { type PolledState, polledState } from './polled-state.ts';

export class Poll {
  readonly #api: Api;
  #reported = '[]';

  constructor(api: Api) {
    this.#api = api;
  }

  /** Whether the server requires proofs of this machine; undefined if unsaid. */
  async needsProof(): Promise<boolean | undefined> {
    return (await this.#capabilities()).proof_required;
  }

  #capabilities(): Promise<Capabilities> {
    return this.#api.ask(Capabilities, { method: 'GET', path: '/v1/user/capabilities' });
  }

  /** Whether the server has a live stream; undefined if unsaid. */
  async hasStream(): Promise<boolean | undefined> {
    try {
      return (await this.#capabilities()).stream ?? false;
    } catch (error) {
      // Servers before innernet 1.7 do not know the question.
      return error instanceof CallRefused && error.status === 404 ? false : undefined;
    }
  }

  /** Everything that this machine may see. Throws a `Failure`. */
  async state(): Promise<PolledState> {
    return polledState(await this.#api.ask(State, { method: 'GET', path: '/v1/user/state' }));
  }

  /** Reports candidates if they changed. */
  async report(candidates: readonly SocketAddress[]): Promise<void> {
    const text = JSON.stringify(candidates);
    if (text === this.#reported) return;
    await this.#api.send({ method: 'PUT', path: '/v1/user/candidates', body: candidates });
    this.#reported = text;
  }
}
