// The one fixture: a network `acme` with people and ranges, once in IPv4 (`acme`) and once in IPv6 (`acme6`).
import { sha256 } from '@noble/hashes/sha2.js';
import type { EventOf, NetworkEvent } from '../src/events/schema.ts';
import { Endpoint } from '../src/values/endpoint.ts';
import type { AssociationId, CidrId, PeerId, RouteId } from '../src/values/id.ts';
import { Cidr, Ip, networkOf, singleton } from '../src/values/ip.ts';
import type { PublicKey } from '../src/values/key.ts';
import { type KeyPair, keyPairFrom } from '../src/values/key-pair.ts';
import type { Timestamp } from '../src/values/time.ts';

const pairs = new Map<string, KeyPair>();

/** A real key pair that is the same in every run: its private half comes from the owner's name. */
export const keysOf = (owner: string): KeyPair => {
  const known = pairs.get(owner) ?? keyPairFrom(sha256(new TextEncoder().encode(owner)));
  pairs.set(owner, known);
  return known;
};

/** The public key of `ann`, or of something like `ann's invitation`. */
export const keyOf = (owner: string): PublicKey => keysOf(owner).publicKey;

export const cidr = (text: string): Cidr => Cidr.parse(text);
export const ip = (text: string): Ip => Ip.parse(text);
export const endpoint = (text: string): Endpoint => Endpoint.parse(text);

export const peerId = (id: number): PeerId => id as PeerId;
export const cidrId = (id: number): CidrId => id as CidrId;
export const routeId = (id: number): RouteId => id as RouteId;
export const associationId = (id: number): AssociationId => id as AssociationId;

/** When the fixture's open invitation ends: an hour after the tests' noon. */
export const INVITE_EXPIRES = '2026-11-22T13:00:00.000Z' as Timestamp;

export const ids = {
  root: cidrId(1),
  serverCidr: cidrId(2),
  humans: cidrId(3),
  engineers: cidrId(4),
  bakers: cidrId(5),
  machines: cidrId(6),
  server: peerId(1),
  ann: peerId(2),
  ryo: peerId(3),
  bob: peerId(4),
  oven: peerId(5),
  eve: peerId(6),
} as const;

/** Two CIDRs are joined. */
export const associated = (left: CidrId, right: CidrId, id = 1): EventOf<'AssociationAdded'> => ({
  type: 'AssociationAdded',
  associationId: associationId(id),
  cidrIds: [left, right],
});

type Block = 'server' | 'machines' | 'engineers' | 'bakers';

type Plan = { range: string; humans: string; prefix: number; blocks: { [B in Block]: string } };

/** The spellings of each family: a block is written as what its addresses begin with. */
const PLANS: { [F in 4 | 6]: Plan } = {
  4: {
    range: '10.42.0.0/16',
    humans: '10.42.128.0/17',
    prefix: 24,
    blocks: { server: '10.42.0.', machines: '10.42.1.', engineers: '10.42.128.', bakers: '10.42.129.' },
  },
  6: {
    range: 'fdac:42::/48',
    humans: 'fdac:42:0:8000::/49',
    prefix: 64,
    blocks: {
      server: 'fdac:42::',
      machines: 'fdac:42:0:1::',
      engineers: 'fdac:42:0:8000::',
      bakers: 'fdac:42:0:8001::',
    },
  },
};

const joined = (peer: EventOf<'PeerAdded'>, owner: string): readonly NetworkEvent[] => [
  peer,
  { type: 'InvitationRedeemed', peerId: peer.peerId, publicKey: keyOf(owner) },
];

/**
 * acme, first commit by first commit: `created` (server and root), then the CIDRs humans > engineers, bakers and
 * machines, then ann (admin) and ryo in engineers, bob in bakers, oven in machines, and eve, who is invited to
 * bakers until an hour past noon. `network` is all of it; no CIDR is associated with another.
 */
const makeAcme = (family: 4 | 6) => {
  const { range, humans: humansRange, prefix, blocks } = PLANS[family];
  const at = (block: Block, host: number): Ip =>
    ip(`${blocks[block]}${host.toString(family === 4 ? 10 : 16)}`);
  const blockOf = (name: Block): Cidr =>
    name === 'server' ? singleton(at('server', 1)) : networkOf(`${at(name, 1)}/${prefix}` as Cidr);
  const addCidr = (id: CidrId, name: string, block: Cidr, parentId: CidrId): EventOf<'CidrAdded'> => ({
    type: 'CidrAdded',
    cidrId: id,
    name,
    cidr: block,
    parentId,
  });
  const invite = (
    id: PeerId,
    name: string,
    [home, block]: [CidrId, Block],
    host: number,
    inviteExpires: Timestamp | null = null,
  ): EventOf<'PeerAdded'> => ({
    type: 'PeerAdded',
    peerId: id,
    name,
    ip: at(block, host),
    cidrId: home,
    publicKey: keyOf(`${name}'s invitation`),
    isAdmin: name === 'ann',
    inviteExpires,
  });
  const created: readonly NetworkEvent[] = [
    { type: 'NetworkCreated', name: 'acme' },
    { type: 'CidrAdded', cidrId: ids.root, name: 'acme', cidr: cidr(range), parentId: null },
    addCidr(ids.serverCidr, 'innernet-server', blockOf('server'), ids.root),
    {
      type: 'PeerAdded',
      peerId: ids.server,
      name: 'innernet-server',
      ip: at('server', 1),
      cidrId: ids.serverCidr,
      publicKey: keyOf('server'),
      isAdmin: true,
      inviteExpires: null,
      redeemed: true,
      endpoint: endpoint('vpn.example.org:51820'),
    },
  ];
  const humans = addCidr(ids.humans, 'humans', cidr(humansRange), ids.root);
  const engineers = addCidr(ids.engineers, 'engineers', blockOf('engineers'), ids.humans);
  const bakers = addCidr(ids.bakers, 'bakers', blockOf('bakers'), ids.humans);
  const machines = addCidr(ids.machines, 'machines', blockOf('machines'), ids.root);
  const ranges = [...created, humans, engineers, bakers, machines];
  const ann = joined(invite(ids.ann, 'ann', [ids.engineers, 'engineers'], 1), 'ann');
  const ryo = joined(invite(ids.ryo, 'ryo', [ids.engineers, 'engineers'], 2), 'ryo');
  const bob = joined(invite(ids.bob, 'bob', [ids.bakers, 'bakers'], 1), 'bob');
  const oven = joined(invite(ids.oven, 'oven', [ids.machines, 'machines'], 1), 'oven');
  const eve = invite(ids.eve, 'eve', [ids.bakers, 'bakers'], 2, INVITE_EXPIRES);
  const [named, ...rest] = created;
  return {
    family,
    range: cidr(range),
    /** An address of a range, such as `at('bakers', 7)`. */
    at,
    /** The block of a range. */
    block: (name: Block | 'humans') => (name === 'humans' ? cidr(humansRange) : blockOf(name)),
    created,
    /** What the command makes of it: the fixture is an older network, without proofs by key. */
    createdNow: [named, { type: 'ProofRequired' }, ...rest] as readonly NetworkEvent[],
    humans,
    engineers,
    bakers,
    machines,
    /** A network with all its CIDRs and no peers but the server's. */
    ranges,
    ann,
    ryo,
    bob,
    oven,
    eve,
    network: [...ranges, ...ann, ...ryo, ...bob, ...oven, eve] as const,
  };
};

export type Acme = ReturnType<typeof makeAcme>;
export const acme = makeAcme(4);
export const acme6 = makeAcme(6);
