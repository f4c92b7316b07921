/** Whom a relay serves, by the log and by what is observed. */
import type { Peer } from '../../domain/peer.ts';
import { canReach, mayBeShown } from '../../domain/reach.ts';
import { sightOf } from '../../domain/visibility.ts';
import type { RelayPeer } from '../../relay/members.ts';
import type { Clientele } from '../../relay/station.ts';
import { hostOf } from '../../values/endpoint.ts';
import { type CidrId, type PeerId, SERVER_PEER } from '../../values/id.ts';
import type { Ip } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Live } from '../live/live.ts';
import type { Observations } from '../observations/observations.ts';

export type ClienteleOptions = {
  live: Live;
  observations: Observations;
  mailboxOf: (relay: PeerId, peer: PeerId) => PublicKey;
};

export type Client = RelayPeer & { cidrId: CidrId };

export class LoggedClientele implements Clientele {
  readonly #options: ClienteleOptions;
  readonly #relay: PeerId;
  readonly #mailboxes = new Map<PeerId, PublicKey>();
  readonly #sights = new Map<string, boolean>();

  constructor(relay: PeerId, options: ClienteleOptions) {
    this.#relay = relay;
    this.#options = options;
  }

  /** Call it after each commit. */
  forgetSights(): void {
    this.#sights.clear();
  }

  *peers(): Generator<Client> {
    const { network } = this.#options.live;
    const relay = network.peer(this.#relay);
    for (const peer of network.peers())
      if (peer.id !== SERVER_PEER && peer.id !== this.#relay && canReach(network, peer, relay))
        yield this.#clientOf(peer);
  }

  client(id: PeerId): Client | undefined {
    const peer = this.#options.live.network.peer(id);
    return peer && this.#clientOf(peer);
  }

  placeOf(id: PeerId): Pick<RelayPeer, 'host' | 'openAt'> {
    const { observations } = this.#options;
    const { endpoint } = observations.of(id);
    if (endpoint === null) return {};
    return { host: hostOf(endpoint) as Ip, ...(observations.isInTheOpen(id) ? { openAt: endpoint } : {}) };
  }

  sees(left: PeerId, right: PeerId): boolean {
    const { network } = this.#options.live;
    const [viewer, seen] = [network.peer(left), network.peer(right)];
    if (!viewer || !seen) return false;
    if (network.isAnythingLimited) return mayBeShown(network, viewer, seen);
    return this.isSeen(viewer.cidrId, seen.cidrId);
  }

  /** Of peers with the same CIDRs the answer is the same; whether both keep to a limit is for them to judge. */
  isSeen(viewer: CidrId, seen: CidrId): boolean {
    const key = `${viewer} ${seen}`;
    const known = this.#sights.get(key) ?? sightOf(this.#options.live.network, viewer, seen) !== 'none';
    this.#sights.set(key, known);
    return known;
  }

  #clientOf({ id, publicKey, cidrId }: Peer): Client {
    const mailbox = this.#mailboxes.get(id) ?? this.#options.mailboxOf(this.#relay, id);
    this.#mailboxes.set(id, mailbox);
    return { id, publicKey, cidrId, mailbox, ...this.placeOf(id) };
  }
}
