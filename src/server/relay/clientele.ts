/** Whom a relay serves, by the log and by what is observed. */
import { isPlain, type Peer } from '../../domain/peer.ts';
import { canReach } from '../../domain/reach.ts';
import { enforces } from '../../domain/views.ts';
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

/** `group`: peers of one CIDR that keep to limits alike are seen alike. */
export type Client = RelayPeer & { group: number };

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

  /** Phones have no mailbox, and where they are concerns their router alone. */
  *peers(): Generator<Client> {
    const { network } = this.#options.live;
    const relay = network.peer(this.#relay);
    for (const peer of network.peers()) {
      const isOther = peer.id !== SERVER_PEER && peer.id !== this.#relay;
      if (isOther && !isPlain(peer) && canReach(network, peer, relay)) yield this.#clientOf(peer);
    }
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
    return (
      viewer !== undefined && seen !== undefined && this.isSeen(this.#groupOf(viewer), this.#groupOf(seen))
    );
  }

  /** Of two groups. */
  isSeen(viewer: number, seen: number): boolean {
    const key = `${viewer} ${seen}`;
    const known = this.#sights.get(key) ?? this.#look(viewer, seen);
    this.#sights.set(key, known);
    return known;
  }

  #look(viewer: number, seen: number): boolean {
    const sight = sightOf(this.#options.live.network, cidrOf(viewer), cidrOf(seen));
    return sight === 'whole' || (sight === 'limited' && keepsToLimits(viewer) && keepsToLimits(seen));
  }

  #groupOf(peer: Peer): number {
    return 2 * peer.cidrId + (enforces(this.#options.live.network, peer) ? 1 : 0);
  }

  #clientOf(peer: Peer): Client {
    const { id, publicKey } = peer;
    const mailbox = this.#mailboxes.get(id) ?? this.#options.mailboxOf(this.#relay, id);
    this.#mailboxes.set(id, mailbox);
    return { id, publicKey, mailbox, group: this.#groupOf(peer), ...this.placeOf(id) };
  }
}

const cidrOf = (group: number): CidrId => Math.floor(group / 2) as CidrId;

const keepsToLimits = (group: number): boolean => group % 2 === 1;
