/** A network that this process owns: its follower, and the socket for other verbs. */
import * as z from 'zod';
import { readPromoted, servesHere } from '../../caller/client-place.ts';
import type { GlobalOptions, HostsOptions } from '../../cli/options.ts';
import { note } from '../../cli/print.ts';
import { printable } from '../../domain/rejection.ts';
import { makeFolder, refuseOpenFolder } from '../../machine/durable-file.ts';
import { Failure } from '../../values/failure.ts';
import { networkOf } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { isPrivateRange } from '../../values/reserved.ts';
import { readConf } from '../memory/conf-file.ts';
import { type NetworkPaths, pathsOf } from '../memory/paths.ts';
import type { NatOptions } from '../options.ts';
import type { Relaying } from '../relay/peer-relay.ts';
import type { Routing } from '../router/router.ts';
import { Follower, MAX_SYNCHRONISE_MS } from '../sync/follower.ts';
import type { LinkStatus } from '../sync/session.ts';
import { ConfChange } from '../tunnels/conf-change.ts';
import type { WayReport } from '../tunnels/device-keeper.ts';
import type { RelayState } from '../tunnels/mailboxes.ts';
import type { RouteReport } from '../tunnels/routes.ts';
import { tunnelConfig } from '../tunnels/tunnel-config.ts';
import type { Unreached } from '../tunnels/unreached.ts';
import { askOwner, Ownership } from './owner.ts';

const Request = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('status') }),
  z.object({ ask: z.literal('synchronise') }),
  z.object({ ask: z.literal('stop') }),
  z.object({ ask: z.literal('forgetPin'), peer: z.string() }),
  z.object({ ask: z.literal('ping'), peer: z.string() }),
  z.object({ ask: z.literal('acknowledge') }),
  z.object({ ask: z.literal('acknowledgeOlder') }),
  z.object({ ask: z.literal('changeConf'), change: ConfChange }),
]);
export type OwnerRequest = z.infer<typeof Request>;

/** `unreached`: peers without a session, by network address. */
export type OwnerStatus = LinkStatus & {
  unreached: Record<string, Unreached>;
  /** By network address; absent from an older program. */
  ways?: Record<string, WayReport>;
  relays?: RelayState[];
  limits?: { works: boolean; restored: number };
  /** This machine as a relay. */
  relaying?: Relaying;
  /** This machine as a router of others. */
  routing?: Routing;
  routes?: readonly RouteReport[];
};

export type NetworkOptions = GlobalOptions &
  HostsOptions &
  NatOptions & { interval?: number | undefined; routes?: boolean | undefined };

/** For an answer to leave. */
const ANSWER_MS = 50;

/** Prints on stderr. */
export const sayOf =
  (network: string) =>
  (message: string): void =>
    note(`innernet: ${network}: ${printable(message)}`);

/** Throws a `Failure` on the machine of a standby that was promoted. */
const refuseWhereServed = (network: string, { promoted }: NetworkPaths): void => {
  const mark = readPromoted(promoted);
  if (mark) throw servesHere(network, mark);
};

/** Undefined without an owner. */
export const askOwnerOf = (paths: NetworkPaths, request: OwnerRequest): Promise<unknown> =>
  askOwner(paths.socket, request, MAX_SYNCHRONISE_MS + 5000);

export class OwnedNetwork {
  readonly network: InterfaceName;
  readonly follower: Follower;
  readonly #ownership: Ownership;
  #letting: Promise<void> | undefined;
  #onClose: () => void = () => {};
  /** Also at another verb's request. */
  readonly closed: Promise<void>;

  private constructor(network: InterfaceName, follower: Follower, ownership: Ownership) {
    this.network = network;
    this.follower = follower;
    this.#ownership = ownership;
    this.closed = new Promise((resolve) => {
      this.#onClose = resolve;
    });
  }

  /** Undefined if another process owns the network. Throws a `Failure`. */
  static async open(network: InterfaceName, options: NetworkOptions): Promise<OwnedNetwork | undefined> {
    const paths = pathsOf(network, options);
    const conf = await readConf(paths.conf, network);
    refuseWhereServed(network, paths);
    await refuseOpenFolder(options.configDir);
    await makeFolder(options.dataDir);
    let owned: OwnedNetwork | undefined;
    const ownership = await Ownership.take(paths.socket, async (request) => {
      if (!owned) throw new Failure(`${network} is just being brought up`, { hint: 'try again in a moment' });
      return owned.#answer(Request.parse(request));
    });
    if (!ownership) return undefined;
    const range = networkOf(conf.address);
    if (!isPrivateRange(range))
      sayOf(network)(
        `warning: the range ${range} is not private: those who own it cannot be reached from here`,
      );
    try {
      const follower = await Follower.start({
        network,
        conf,
        paths,
        tunnel: tunnelConfig(network, conf, options),
        hosts: options,
        nat: options,
        interval: options.interval,
        takesRoutes: options.routes,
        say: sayOf(network),
      });
      owned = new OwnedNetwork(network, follower, ownership);
      return owned;
    } catch (error) {
      await ownership.release();
      throw error;
    }
  }

  /** Syncs once; throws a `Failure` without an answer. */
  synchronise(): Promise<void> {
    return this.follower.synchronise();
  }

  /** Releases the network; its tunnels stay. */
  async close(): Promise<void> {
    await this.#letGo();
    this.#onClose();
  }

  #letGo(): Promise<void> {
    this.#letting ??= this.follower.stop().then(() => this.#ownership.release());
    return this.#letting;
  }

  #status(): OwnerStatus {
    const { keeper, status } = this.follower;
    return {
      ...status,
      unreached: keeper.unreached(),
      ways: keeper.standing(),
      relays: keeper.relayStates(),
      limits: { works: keeper.limits.works, restored: keeper.limits.restored },
      relaying: this.follower.relaying,
      routing: this.follower.routing,
      routes: keeper.routes.reports,
    };
  }

  async #answer(request: OwnerRequest): Promise<unknown> {
    switch (request.ask) {
      case 'status':
        return this.#status();
      case 'synchronise':
        return this.follower.refresh();
      case 'forgetPin':
        return this.follower.forgetPin(request.peer);
      case 'ping':
        return this.follower.ping(request.peer);
      case 'acknowledge':
        return this.follower.acknowledge();
      case 'acknowledgeOlder':
        return this.follower.acknowledgeOlder();
      case 'changeConf':
        return this.follower.changeConf(request.change);
      case 'stop':
        this.follower.retire();
        await this.#letGo();
        // The process ends with this network, so the answer must leave first.
        setTimeout(this.#onClose, ANSWER_MS);
        return null;
    }
  }
}
