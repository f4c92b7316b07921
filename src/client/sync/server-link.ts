/** How it stands between this machine and the server: whether it is there, since when, and where it is reached. */
import type { Conf } from '../../protocol/conf.ts';
import type { Endpoint } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { writeConf } from '../memory/conf-file.ts';
import type { NetworkPaths } from '../memory/paths.ts';
import { doubtSentence, type Trust } from '../memory/trust.ts';
import type { DeviceKeeper } from '../tunnels/device-keeper.ts';
import type { End } from './end.ts';

/** How the running process sees its network. */
export type LinkStatus = {
  connected: boolean;
  /** When the server was last heard, in milliseconds since 1970. */
  heard: number | undefined;
  /** Whether the server said that this machine is disabled or deleted. */
  isShutOut: boolean;
  /** Whether the server is an older one without a live stream, which is asked now and then. */
  polled: boolean;
};

/** How long one attempt waits for the server's handshake, in milliseconds. */
const HANDSHAKE_WITHIN = 5000;

export type LinkParts = {
  conf: Conf;
  paths: NetworkPaths;
  keeper: DeviceKeeper;
  trust: Trust;
  say: (message: string) => void;
};

export class ServerLink {
  readonly #parts: LinkParts;
  #connected = false;
  #heard: number | undefined;
  #isShutOut = false;
  #mayBeGone = true;
  polled = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  get status(): LinkStatus {
    const [connected, heard, isShutOut] = [this.#connected, this.#heard, this.#isShutOut];
    return { connected, heard, isShutOut, polled: this.polled };
  }

  get isShutOut(): boolean {
    return this.#isShutOut;
  }

  /** Whether the session with it, if there is one, need not lead anywhere. */
  get mayBeGone(): boolean {
    return this.#mayBeGone;
  }

  /** Anything came from the server. */
  hears(): void {
    this.#heard = Date.now();
  }

  /** It takes this machine for a peer. */
  connect(): void {
    this.#connected = true;
    this.#isShutOut = false;
    this.#mayBeGone = false;
  }

  /** `mayBeGone`: where it was reached before need not be where it is. */
  disconnect({ mayBeGone }: { mayBeGone: boolean }): void {
    this.#connected = false;
    if (mayBeGone) this.#mayBeGone = true;
  }

  /** It says that this machine is no peer any more. */
  shutOut(): void {
    this.#isShutOut = true;
  }

  /**
   * Has a session with the server, if it can. One that still carries data is left alone, unless the last attempt
   * spoke into the void; before the first connection it always is.
   */
  async reach({ isFirst }: { isFirst: boolean }): Promise<void> {
    const { keeper, say } = this.#parts;
    try {
      if ((isFirst || !this.#mayBeGone) && (await keeper.hasServer())) return;
      const reached = await keeper.reachServer(HANDSHAKE_WITHIN);
      if (!reached) return;
      this.#mayBeGone = false;
      await this.#note(reached);
    } catch (error) {
      say((error as Error).message);
    }
  }

  /** Why nothing came of an attempt that ended so. */
  unreachable(end: End | undefined): Failure {
    if (this.#isShutOut)
      return new Failure('this machine was shut out of the network: it was disabled or deleted', {
        hint: 'ask an admin of the network to enable it; it comes back by itself then',
      });
    if (end?.kind === 'noWay') return end.failure;
    const { trust } = this.#parts;
    if (trust.doubt === 'Unproved') return new Failure(doubtSentence(trust.doubt), { hint: trust.hint });
    if (end?.kind === 'refused')
      return new Failure(`the server does not let this machine in (HTTP status ${end.status})`, {
        hint: 'it may be disabled: ask an admin of the network',
      });
    return new Failure(`the server at ${this.#parts.conf.server.externalEndpoint} does not answer`, {
      hint: 'tunnels to other peers stay as they are; see: innernet show',
    });
  }

  /** The conf follows the server to a new address once it has answered there. */
  async #note(endpoint: Endpoint): Promise<void> {
    const { conf, paths, say } = this.#parts;
    if (conf.server.externalEndpoint === endpoint) return;
    conf.server.externalEndpoint = endpoint;
    await writeConf(paths.conf, conf);
    say(`the server has moved to ${endpoint}`);
  }
}
