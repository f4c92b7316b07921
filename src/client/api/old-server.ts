/**
 * Administers a network of innernet 2.0's server: rules run here, so that refusals have reasons.
 * It keeps no history: positions are 0.
 */
import * as z from 'zod';
import type { NetworkView } from '../../cli/plane.ts';
import { deedOf } from '../../domain/askers.ts';
import type { CidrNode } from '../../domain/cidr-tree.ts';
import type { AdminCommand } from '../../domain/command.ts';
import { importNetwork } from '../../domain/foreign-network.ts';
import { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { preview } from '../../domain/preview.ts';
import type { ReachGroup } from '../../domain/reach.ts';
import type { NetworkEvent } from '../../events/schema.ts';
import type { Outcome, Rehearsal } from '../../protocol/commands.ts';
import { State, type SystemTime, V1Association, V1Cidr, V1Peer } from '../../protocol/v1.ts';
import { Endpoint } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { AssociationId, CidrId, NO_HASH, PeerId, SERVER_PEER } from '../../values/id.ts';
import { Ip, RecordedCidr } from '../../values/ip.ts';
import { PublicKey } from '../../values/key.ts';
import { Timestamp } from '../../values/time.ts';
import { type Api, CallRefused } from './api.ts';

const NOWHERE = { position: 0, hash: NO_HASH } as const;

type Shown = { peers: readonly V1Peer[]; cidrs: readonly V1Cidr[]; network: Network };

const peerOf = (peer: V1Peer): Peer => ({
  id: PeerId.parse(peer.id),
  name: peer.name,
  ip: Ip.parse(peer.ip),
  cidrId: CidrId.parse(peer.cidr_id),
  publicKey: PublicKey.parse(peer.public_key),
  isAdmin: peer.is_admin,
  isDisabled: peer.is_disabled,
  isRedeemed: peer.is_redeemed,
  inviteExpires: peer.invite_expires ? timestampOf(peer.invite_expires) : null,
  endpoint: Endpoint.safeParse(peer.endpoint).data ?? null,
});

const timestampOf = (time: z.infer<typeof SystemTime>): Timestamp =>
  Timestamp.parse(new Date(time.secs_since_epoch * 1000).toISOString());

const systemTime = (time: Timestamp): z.infer<typeof SystemTime> => ({
  secs_since_epoch: Math.floor(Date.parse(time) / 1000),
  nanos_since_epoch: 0,
});

const cidrOf = ({ id, name, cidr, parent }: V1Cidr): CidrNode => ({
  id: CidrId.parse(id),
  name,
  cidr: RecordedCidr.parse(cidr),
  parentId: parent ? CidrId.parse(parent) : null,
});

/** Throws a `Failure`: an older server has no such call. */
const noCall = (what: string, hint: string): never => {
  throw new Failure(`this server is an older one that cannot ${what}`, { hint });
};

export class OldServer {
  readonly #api: Api;
  readonly #name: string;

  /** `name`: from the conf; the server does not tell it. */
  constructor(api: Api, name: string) {
    this.#api = api;
    this.#name = name;
  }

  /** Without associations for non-admins. */
  async view(): Promise<NetworkView> {
    try {
      const { network } = await this.#shown();
      const lists = {
        peers: [...network.peers()],
        cidrs: [...network.cidrs()],
        associations: [...network.associations()],
      };
      return { name: this.#name, networkId: NO_HASH, ...NOWHERE, ...lists };
    } catch (error) {
      if (error instanceof CallRefused && error.status === 401) return this.#viewOfPeer(error);
      throw error;
    }
  }

  /** Throws `Rejected` by a rule, else `Failure`. */
  async execute(command: AdminCommand): Promise<Outcome> {
    const shown = await this.#shown();
    const { events } = preview(shown.network, command, this.#context());
    for (const event of events) await this.#carryOut(event, shown, deedOf(command.type));
    return { ...NOWHERE, events };
  }

  async rehearse(command: AdminCommand): Promise<Rehearsal> {
    const { network } = await this.#shown();
    const { events, sentences, reach } = preview(network, command, this.#context());
    const brief = ({ id, name, ip }: Peer) => ({ id, name, ip });
    const group = ({ peers, others, pairs }: ReachGroup) => ({
      peers: peers.map(brief),
      others: others.map(brief),
      pairs,
    });
    const groups = { gained: reach.gained.map(group), lost: reach.lost.map(group) };
    return { ...NOWHERE, dryRun: true, events, sentences, reach: groups };
  }

  /** The server decides what the caller may do. */
  #context() {
    const now = Timestamp.parse(new Date().toISOString());
    return { actor: { kind: 'server' }, now } as const;
  }

  async #shown(): Promise<Shown> {
    const get = <S extends z.ZodType>(schema: S, path: string) =>
      this.#api.ask(z.array(schema), { method: 'GET', path: `/v1/admin/${path}` });
    const peers = await get(V1Peer, 'peers');
    const [cidrs, associations] = [await get(V1Cidr, 'cidrs'), await get(V1Association, 'associations')];
    const found = importNetwork({
      name: this.#name,
      source: { program: 'innernet-server', version: 0 },
      peers: peers.map(peerOf),
      cidrs: cidrs.map(cidrOf),
      associations: associations.map(({ id, cidr_id_1, cidr_id_2 }) => ({
        id: AssociationId.parse(id),
        cidrIds: [CidrId.parse(cidr_id_1), CidrId.parse(cidr_id_2)],
      })),
    });
    if (!found.possible)
      throw new Failure(`the server shows a network that cannot be (${found.trouble.code})`);
    const network = new Network();
    network.advance(found.events, 0);
    return { peers, cidrs, network };
  }

  async #viewOfPeer(refused: CallRefused): Promise<NetworkView> {
    const state = await this.#api.ask(State, { method: 'GET', path: '/v1/user/state' });
    return {
      name: this.#name,
      networkId: NO_HASH,
      ...NOWHERE,
      peers: state.peers.map(peerOf),
      cidrs: state.cidrs.map(cidrOf),
      get associations(): never {
        throw new Failure('only an admin sees the associations', { hint: refused.hint, cause: refused });
      },
    };
  }

  async #carryOut(event: NetworkEvent, { peers, cidrs }: Shown, deed: string): Promise<void> {
    const send = (method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
      this.#api.send({ method, path: `/v1/admin/${path}`, body });
    // The whole row goes back, as from innernet 2.0's client: a merely seen endpoint becomes an override, but
    // sending none would lose real overrides.
    const putPeer = async (id: PeerId, change: Partial<V1Peer>): Promise<void> => {
      const { id: _, ...row } = { ...peers.find((peer) => peer.id === id), ...change };
      await send('PUT', `peers/${id}`, row);
    };
    switch (event.type) {
      case 'CidrAdded':
        await send('POST', 'cidrs', { name: event.name, cidr: event.cidr, parent: event.parentId });
        return;
      case 'CidrRenamed': {
        const { id: _, ...row } = { ...cidrs.find(({ id }) => id === event.cidrId), name: event.name };
        await send('PUT', `cidrs/${event.cidrId}`, row);
        return;
      }
      case 'CidrDeleted':
        await send('DELETE', `cidrs/${event.cidrId}`);
        return;
      case 'PeerAdded':
        await send('POST', 'peers', {
          name: event.name,
          ip: event.ip,
          cidr_id: event.cidrId,
          public_key: event.publicKey,
          endpoint: event.endpoint ?? null,
          persistent_keepalive_interval: 25,
          is_admin: event.isAdmin,
          is_disabled: event.disabled ?? false,
          is_redeemed: event.redeemed ?? false,
          invite_expires: event.inviteExpires && systemTime(event.inviteExpires),
          candidates: [],
        });
        return;
      case 'PeerRenamed':
        return putPeer(event.peerId, { name: event.name });
      case 'PeerDisabled':
        return putPeer(event.peerId, { is_disabled: true });
      case 'PeerEnabled':
        return putPeer(event.peerId, { is_disabled: false });
      case 'AdminGranted':
        return putPeer(event.peerId, { is_admin: true });
      case 'AdminRevoked':
        return putPeer(event.peerId, { is_admin: false });
      case 'EndpointOverrideSet':
        return putPeer(event.peerId, { endpoint: event.endpoint });
      case 'EndpointOverrideCleared':
        return putPeer(event.peerId, { endpoint: null });
      case 'ServerEndpointChanged':
        return putPeer(SERVER_PEER, { endpoint: event.endpoint });
      case 'AssociationAdded': {
        const [cidr_id_1, cidr_id_2] = event.cidrIds;
        await send('POST', 'associations', { cidr_id_1, cidr_id_2 });
        return;
      }
      case 'AssociationDeleted':
        await send('DELETE', `associations/${event.associationId}`);
        return;
      case 'PeerDeleted':
        return noCall('delete peers', 'cut it off: disable-peer');
      case 'InvitationReissued':
      case 'InvitationRevoked':
        return noCall('change an invitation', 'it ends by itself; until then: disable-peer');
      case 'PeerExpirySet':
      case 'DefaultExpirySet':
        return noCall('end peers', 'cut it off when its time is over: disable-peer');
      default:
        return noCall(deed, 'serve the network with innernet-server of this program');
    }
  }
}
