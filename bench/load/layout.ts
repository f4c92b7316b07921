/** The networks that the load tool fills: so many peers, so many of them in each CIDR, every address in 127/8. */
import { randomBytes } from 'node:crypto';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { Endpoint } from '../../src/values/endpoint.ts';
import type { AssociationId, CidrId, PeerId } from '../../src/values/id.ts';
import type { Cidr, Ip } from '../../src/values/ip.ts';
import type { PublicKey } from '../../src/values/key.ts';
import type { Hostname } from '../../src/values/name.ts';
import { loadKey } from './keys.ts';

/** `perCidr` peers see each other, and the server; whoever is in another CIDR does not see them. */
export type Layout = {
  peers: number;
  perCidr: number;
  /** Room in each CIDR for peers that come later. */
  spare?: number;
  /** So many of the CIDRs after the first are associated with it. */
  associations?: number;
  /** So many CIDRs one inside the other, the first of the others in the innermost. */
  depth?: number;
  /** Records that come after: peers are renamed and renamed back, so that the network ends as it was; an even number. */
  renames?: number;
};

export const SERVER_IP = '127.0.0.2' as Ip;
/** What a program calls from that chooses no address of its own: an admin's. */
export const ADMIN_IP = '127.0.0.1' as Ip;
const LOAD_NETWORK = 'load';

/** CIDRs 1 to 3 are the network's root, the server's and the admin's; peers 1 and 2 are the server and the admin. */
const FIRST_CIDR = 4;
const FIRST_PEER = 3;

const dotted = (offset: number): string =>
  `127.${(offset >> 16) & 255}.${(offset >> 8) & 255}.${offset & 255}`;

/** Room for that many hosts besides the first and the last address. */
const blockSize = ({ perCidr, spare = 0 }: Layout): number => 2 ** Math.ceil(Math.log2(perCidr + spare + 2));

/** Where CIDRs lie one inside the other: the second half of 127/8. */
const DEEP = '127.128.0.0';

const blockStart = (layout: Layout, block: number): number =>
  (layout.depth ? 2 ** 23 : Math.max(2 ** 16, blockSize(layout))) + block * blockSize(layout);

/** The address of the peer with that number, from 0. */
export const addressOf = (layout: Layout, number: number): Ip => {
  const { perCidr } = layout;
  return dotted(blockStart(layout, Math.floor(number / perCidr)) + 1 + (number % perCidr)) as Ip;
};

export const peerName = (number: number): Hostname => `p${number}` as Hostname;
const cidrName = (number: number): Hostname => `c${number}` as Hostname;
const peerIdOf = (number: number): PeerId => (number + FIRST_PEER) as PeerId;

/** A valid public key that nobody has the private one of. */
export const someKey = (): PublicKey => {
  const bytes = randomBytes(32);
  bytes[31] = (bytes[31] ?? 0) & 0x7f;
  return bytes.toString('base64') as PublicKey;
};

const cidrAdded = (id: number, name: string, cidr: string, parent: number | null): NetworkEvent => ({
  type: 'CidrAdded',
  cidrId: id as CidrId,
  name: name as Hostname,
  cidr: cidr as Cidr,
  parentId: parent as CidrId | null,
});

const peerAdded = (id: number, name: string, ip: Ip, cidrId: number, key: PublicKey): NetworkEvent => ({
  type: 'PeerAdded',
  peerId: id as PeerId,
  name: name as Hostname,
  ip,
  cidrId: cidrId as CidrId,
  publicKey: key,
  isAdmin: false,
  inviteExpires: null,
  redeemed: true,
});

/** The events that make such a network, one after the other; the first ones belong into one commit. */
export function* eventsOf(layout: Layout, serverKey: PublicKey): Generator<NetworkEvent> {
  const { peers, perCidr, depth = 0, associations = 0 } = layout;
  yield { type: 'NetworkCreated', name: LOAD_NETWORK as Hostname };
  yield cidrAdded(1, LOAD_NETWORK, '127.0.0.0/8', null);
  yield cidrAdded(2, 'innernet-server', `${SERVER_IP}/32`, 1);
  const endpoint = '203.0.113.1:51820' as Endpoint;
  const server = peerAdded(1, 'innernet-server', SERVER_IP, 2, serverKey);
  yield { ...server, endpoint, isAdmin: true } as NetworkEvent;
  yield cidrAdded(3, 'admins', `${ADMIN_IP}/32`, 1);
  yield { ...peerAdded(2, 'admin', ADMIN_IP, 3, someKey()), isAdmin: true } as NetworkEvent;
  const prefix = 32 - Math.log2(blockSize(layout));
  for (let level = 0; level < depth; level++)
    yield cidrAdded(
      FIRST_CIDR + level,
      `d${level}`,
      `${DEEP}/${9 + level}`,
      level === 0 ? 1 : FIRST_CIDR + level - 1,
    );
  const first = FIRST_CIDR + depth;
  for (let block = 0; block * perCidr < peers; block++) {
    const cidr = `${dotted(blockStart(layout, block))}/${prefix}`;
    yield cidrAdded(first + block, cidrName(block), cidr, depth === 0 ? 1 : first - 1);
  }
  for (let id = 1; id <= associations; id++) {
    const cidrIds: [CidrId, CidrId] = [first as CidrId, (first + id) as CidrId];
    yield { type: 'AssociationAdded', associationId: id as AssociationId, cidrIds };
  }
  for (let number = 0; number < peers; number++) {
    const cidrId = first + Math.floor(number / perCidr);
    const address = addressOf(layout, number);
    yield peerAdded(peerIdOf(number), peerName(number), address, cidrId, loadKey(address));
  }
  for (let rename = 0; rename < (layout.renames ?? 0); rename++) {
    const number = (rename >> 1) % peers;
    const name = rename % 2 === 0 ? (`${peerName(number)}-b` as Hostname) : peerName(number);
    yield { type: 'PeerRenamed', peerId: peerIdOf(number), name };
  }
}

/** How many of those events the network's first commit has. */
export const FIRST_EVENTS = 6;
