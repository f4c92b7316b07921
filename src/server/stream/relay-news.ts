/** Tells each client the relays that it may use, and its mailbox at each. */
import type { Network, Relay } from '../../domain/network.ts';
import { canReach } from '../../domain/reach.ts';
import type { RelayRow, Relays } from '../../protocol/frames.ts';
import {
  type Endpoint,
  endpointOf,
  hostOf,
  isUnspecified,
  portOf,
  SocketAddress,
} from '../../values/endpoint.ts';
import { type PeerId, SERVER_PEER } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { Observations } from '../observations/observations.ts';
import type { Audience } from './audience.ts';
import type { Lanes } from './lanes.ts';
import type { Member } from './member.ts';

/** What the streams ask of the server's own relay. */
export type Mailboxes = {
  mailboxOf: (relay: PeerId, peer: PeerId) => PublicKey;
  /** Of the newest session of two peers through the server's relay. */
  indicesOf: (peer: PeerId, other: PeerId) => { own: number; others: number } | undefined;
};

/** The client takes the host at which it reaches the server itself. */
const WHERE_THE_SERVER_IS = '0.0.0.0';

export class RelayNews {
  readonly #live: Live;
  readonly #observations: Observations;
  readonly #audience: Audience;
  readonly #lanes: Lanes;
  readonly #mailboxes: Mailboxes;
  readonly #unsubscribe: (() => void)[];

  constructor(
    live: Live,
    observations: Observations,
    { audience, lanes, mailboxes }: { audience: Audience; lanes: Lanes; mailboxes: Mailboxes },
  ) {
    this.#live = live;
    this.#observations = observations;
    this.#audience = audience;
    this.#lanes = lanes;
    this.#mailboxes = mailboxes;
    const isRelay = (id: PeerId): boolean =>
      id !== SERVER_PEER && live.network.peer(id)?.relayPort !== undefined;
    const tell = (id: PeerId): void => void (isRelay(id) && this.#tellAll());
    this.#unsubscribe = [observations.onChange(({ id }) => tell(id)), observations.onConsent(tell)];
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  follow(step: Step): void {
    if (concernsRelays(this.#live.network, step)) this.#tellAll();
  }

  /** The first frame of a stream holds all, and is sent also where that is nothing. */
  level(member: Member): void {
    if (!member.canRelay || member.isBehind) return;
    const rows = this.#rowsFor(member.peerId);
    const told = member.relays;
    const texts = new Map(rows.map((row) => [row.id, JSON.stringify(row)]));
    const changed = rows.filter(({ id }) => told?.get(id) !== texts.get(id));
    const removed = [...(told?.keys() ?? [])].filter((id) => !texts.has(id));
    member.relays = texts;
    if (told && changed.length + removed.length === 0) return;
    const frame: Relays = { kind: 'relays', changed, removed };
    this.#audience.write(member, Buffer.from(JSON.stringify(frame)));
  }

  #tellAll(): void {
    const views = new Set(Array.from(this.#audience.all(), ({ view }) => view));
    for (const view of views)
      this.#lanes.add(view, {
        members: this.#audience.level(view),
        write: (member) => this.level(member),
      });
  }

  #rowsFor(id: PeerId): RelayRow[] {
    const { network } = this.#live;
    const peer = network.peer(id);
    return network.relays().flatMap((relay) => {
      if (relay.peer.id === id || !canReach(network, peer, relay.peer) || !this.#consents(relay)) return [];
      const endpoint = this.#endpointOf(relay);
      const mailbox = this.#mailboxes.mailboxOf(relay.peer.id, id);
      return endpoint ? [{ id: relay.peer.id, endpoints: [endpoint], mailbox }] : [];
    });
  }

  /** Its machine's word, by which a peer's relay stays one while it is away: its mailboxes stay open. */
  #consents({ peer: { id }, port }: Relay): boolean {
    const consent = this.#observations.consentOf(id);
    return id === SERVER_PEER || (consent?.port === port && consent.trouble === undefined);
  }

  #endpointOf({ peer, port, endpoint }: Relay): SocketAddress | undefined {
    if (endpoint !== null && !isUnspecified(endpoint)) return SocketAddress.safeParse(endpoint).data;
    const outside = endpoint === null ? port : portOf(endpoint);
    const seen: Endpoint | null =
      peer.id === SERVER_PEER ? peer.endpoint : this.#observations.of(peer.id).endpoint;
    if (seen === null) return undefined;
    const there = SocketAddress.safeParse(endpointOf(hostOf(seen), outside)).data;
    return there ?? (endpointOf(WHERE_THE_SERVER_IS, outside) as SocketAddress);
  }
}

/** A relay came, went, moved or came into sight. */
const concernsRelays = (network: Network, { changes }: Step): boolean => {
  for (const { before, after } of changes.peers.values())
    if (before?.relayPort !== undefined || after?.relayPort !== undefined) return true;
  if (changes.sight.length === 0) return false;
  const homes = new Set(network.relays().map(({ peer }) => peer.cidrId));
  return changes.sight.some(({ viewer, cidr }) => homes.has(viewer) || homes.has(cidr));
};
