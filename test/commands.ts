// Random commands for any state of a network: mostly sensible ones, some made to be refused, some several at once.
import fc from 'fast-check';
import type { CommandType } from '../src/domain/command.ts';
import { Command } from '../src/domain/command.ts';
import { decide } from '../src/domain/decide.ts';
import type { Context } from '../src/domain/decision.ts';
import type { CidrNode, Network, Peer } from '../src/domain/network.ts';
import type { RejectionCode } from '../src/domain/rejection.ts';
import type { NetworkEvent } from '../src/events/schema.ts';
import { ROOT_CIDR, SERVER_CIDR, SERVER_NAME, SERVER_PEER } from '../src/values/id.ts';
import {
  addressOf,
  assignableRange,
  type Cidr,
  familyOf,
  fromNumber,
  fullPrefix,
  networkOf,
  overlaps,
  prefixOf,
} from '../src/values/ip.ts';
import { keyText, type PublicKey } from '../src/values/key.ts';
import type { Timestamp } from '../src/values/time.ts';
import { acme, acme6, endpoint, ids, ip, keyOf } from './acme.ts';
import type { Asked } from './given.ts';

/** One throw of the dice: what `commandFor` makes of it depends on the network that it meets. */
export type Throw = { kind: number; mischief: number; picks: readonly number[]; wait: number };

export const throws: fc.Arbitrary<Throw> = fc.record({
  kind: fc.nat(99),
  mischief: fc.nat(999),
  picks: fc.array(fc.nat(9999), { minLength: 8, maxLength: 8 }),
  wait: fc.nat(99),
});

export type Question = { command: Command; context: Context };

/** Where a sequence may begin: nothing at all, acme in either family, and what an import may bring. */
export type Start = { name: string; events: readonly NetworkEvent[]; family: 4 | 6 };

/** Peers in inner CIDRs, host bits, free names, an invitation without end, an association from below to above. */
const odd: readonly NetworkEvent[] = [
  { type: 'NetworkImported', name: 'acme', source: { program: 'innernet', version: 2 } },
  ...acme.created.slice(1),
  acme.humans,
  { ...acme.engineers, name: 'Büro 2', cidr: '10.42.128.7/24' as Cidr },
  acme.bakers,
  acme.machines,
  ...acme.ann,
  { type: 'AdminGranted', peerId: ids.ann },
  ...acme.bob,
  ...acme.oven,
  {
    type: 'PeerAdded',
    peerId: ids.ryo,
    name: 'boss',
    ip: ip('10.42.130.1'),
    cidrId: ids.humans,
    publicKey: keyOf('boss'),
    isAdmin: true,
    inviteExpires: null,
    redeemed: true,
    disabled: true,
    endpoint: endpoint('0.0.0.0:4242'),
  },
  {
    type: 'PeerAdded',
    peerId: ids.eve,
    name: 'eve',
    ip: ip('10.42.0.9'),
    cidrId: ids.root,
    publicKey: keyOf("eve's invitation"),
    isAdmin: false,
    inviteExpires: null,
  },
  { type: 'AssociationAdded', associationId: 1 as never, cidrIds: [ids.bakers, ids.humans] },
  { type: 'LogRestored', lostPosition: 99, lostHash: '0'.repeat(64) as never },
];

export const starts: fc.Arbitrary<Start> = fc.constantFrom<Start>(
  { name: 'nothing', events: [], family: 4 },
  { name: 'nothing', events: [], family: 6 },
  { name: 'acme', events: acme.network, family: 4 },
  { name: 'acme', events: acme6.network, family: 6 },
  { name: 'an import', events: odd, family: 4 },
);

const MINUTES = 60_000;
const BEGIN = Date.parse('2026-11-22T10:00:00.000Z');
const at = (time: number): Timestamp => new Date(time).toISOString() as Timestamp;

/** Keys that no network has seen: not on the curve's terms, but spelled as keys are. */
const newKey = (serial: number): PublicKey => {
  const bytes = new Uint8Array(32).fill(9);
  new DataView(bytes.buffer).setUint32(8, serial);
  return keyText(bytes) as PublicKey;
};

const NAMES = [
  'ann',
  'bob',
  'eve',
  'mia',
  'noa',
  'oven',
  'ryo',
  'zoe',
  'humans',
  'bakers',
  'robots',
  'guests',
];
const ENDPOINTS = ['1.2.3.4:51820', '[2001:db8::1]:51820', 'vpn.example.org:51820', '0.0.0.0:4242'];

/** Looks at a network through the dice of one throw. */
class Dice {
  readonly network: Network;
  readonly family: 4 | 6;
  readonly now: number;
  readonly #picks: readonly number[];
  #used = 0;
  /** Makes names and keys of one throw differ from those of all others. */
  readonly #serial: number;

  constructor(network: Network, family: 4 | 6, picks: readonly number[], now: number, serial: number) {
    this.network = network;
    this.family = family;
    this.#picks = picks;
    this.now = now;
    this.#serial = serial;
  }

  number(below: number): number {
    const pick = this.#picks[this.#used % this.#picks.length] ?? 0;
    this.#used += 1;
    return below > 0 ? (pick + Math.floor(this.#used / this.#picks.length)) % below : 0;
  }

  one<T>(items: Iterable<T>): T | undefined {
    const list = [...items];
    return list[this.number(list.length)];
  }

  oneOf<T>(items: Iterable<T>, keep: (item: T) => boolean): T | undefined {
    return this.one([...items].filter(keep));
  }

  /** By id or by name, as people and programs do; a name that no command takes is left to its id. */
  ref(thing: { id: number; name: string } | undefined): number | string {
    if (!thing) return 9999;
    return this.number(2) === 0 ? thing.id : thing.name;
  }

  freePeerName(): string {
    return this.oneOf(NAMES, (name) => !this.network.peerNamed(name)) ?? `peer-${this.#serial}`;
  }

  freeCidrName(): string {
    return this.oneOf(NAMES, (name) => !this.network.cidrNamed(name)) ?? `cidr-${this.#serial}`;
  }

  key(): PublicKey {
    this.#used += 1;
    return newKey(this.#serial * 64 + (this.#used % 64));
  }

  endpoint(): string {
    return this.one(ENDPOINTS) ?? '1.2.3.4:51820';
  }

  expiry(): Timestamp | null {
    return this.number(3) === 0 ? null : at(this.now + (1 + this.number(90)) * MINUTES);
  }

  peer(keep: (peer: Peer) => boolean = () => true): Peer | undefined {
    return this.oneOf(this.network.peers(), (peer) => peer.id !== SERVER_PEER && keep(peer));
  }

  cidr(keep: (node: CidrNode) => boolean = () => true): CidrNode | undefined {
    return this.oneOf(
      this.network.cidrs(),
      (node) => node.id !== SERVER_CIDR && node.id !== ROOT_CIDR && keep(node),
    );
  }

  leaf(): CidrNode | undefined {
    return this.cidr((node) => !this.network.hasChildren(node.id));
  }

  /** A block inside a CIDR, a few bits narrower, often free and sometimes as small as can be. */
  blockIn({ cidr }: CidrNode): Cidr {
    const full = fullPrefix(familyOf(cidr));
    const prefix = this.number(4) === 0 ? full - this.number(2) : prefixOf(cidr) + 1 + this.number(4);
    const { first, last } = assignableRange(cidr);
    const spread = (last - first + 1n) / 16n;
    const start = first + spread * BigInt(this.number(16));
    return networkOf(`${fromNumber(start, familyOf(cidr))}/${Math.min(prefix, full)}` as Cidr);
  }
}

type Maker = (dice: Dice) => Asked | undefined;

const range = (dice: Dice): Cidr => (dice.family === 4 ? acme.range : acme6.range);

const create: Maker = (dice) => ({
  type: 'CreateNetwork',
  name: 'acme',
  cidr: range(dice),
  serverKey: keyOf('server'),
  endpoint: 'vpn.example.org:51820',
});

const addPeer = (dice: Dice, more: { [field: string]: unknown } = {}): Asked | undefined => {
  const home = dice.leaf();
  return (
    home && {
      type: 'AddPeer',
      name: dice.freePeerName(),
      cidr: dice.ref(home),
      isAdmin: dice.number(3) === 0,
      publicKey: dice.key(),
      inviteExpires: dice.expiry(),
      ...more,
    }
  );
};

const addCidr = (dice: Dice, more: { [field: string]: unknown } = {}): Asked | undefined => {
  const { network } = dice;
  const home = dice.oneOf(
    network.cidrs(),
    (node) =>
      node.id !== SERVER_CIDR &&
      !network.holdsPeers(node.id) &&
      prefixOf(node.cidr) < fullPrefix(dice.family),
  );
  if (!home) return undefined;
  const tries = [1, 2, 3, 4, 5].map(() => dice.blockIn(home));
  const free = tries.find((block) =>
    [...network.childrenOf(home.id)].every((child) => !overlaps(child.cidr, block)),
  );
  const parent = dice.number(2) === 0 ? { parent: dice.ref(home) } : {};
  return { type: 'AddCidr', name: dice.freeCidrName(), cidr: free ?? dice.blockIn(home), ...parent, ...more };
};

const associate: Maker = (dice) => {
  const left = dice.cidr();
  const right = dice.cidr(
    (node) => node.id !== left?.id && !dice.network.associationBetween(node.id, left?.id ?? node.id),
  );
  return left && right && { type: 'AddAssociation', cidrs: [dice.ref(left), dice.ref(right)] };
};

const dissociate: Maker = (dice) => {
  const association = dice.one(dice.network.associations());
  return association && { type: 'DeleteAssociation', cidrs: [...association.cidrIds] };
};

const invited = (dice: Dice): Peer | undefined => dice.one(dice.network.invited());

/** What people do, each as often as its weight says. */
const SENSIBLE: { weight: number; make: Maker }[] = [
  { weight: 14, make: (dice) => addPeer(dice) },
  {
    weight: 3,
    make: (dice) => {
      const home = dice.leaf();
      if (!home) return undefined;
      const { first, last } = assignableRange(home.cidr);
      const span = last - first > 5n ? 5n : last - first;
      const address = fromNumber(first + (BigInt(dice.number(6)) % (span + 1n)), dice.family);
      return addPeer(dice, { cidr: dice.ref(home), ip: address });
    },
  },
  { weight: 10, make: (dice) => addCidr(dice) },
  { weight: 9, make: associate },
  { weight: 6, make: dissociate },
  {
    weight: 6,
    make: (dice) => {
      const node = dice.cidr();
      return node && { type: 'RenameCidr', cidr: dice.ref(node), name: dice.freeCidrName() };
    },
  },
  {
    weight: 4,
    make: (dice) => {
      const node = dice.cidr(
        ({ id }) =>
          !dice.network.hasChildren(id) &&
          !dice.network.holdsPeers(id) &&
          [...dice.network.associatedWith(id)].length === 0,
      );
      return node && { type: 'DeleteCidr', cidr: dice.ref(node) };
    },
  },
  {
    weight: 6,
    make: (dice) => {
      const peer = dice.peer();
      return peer && { type: 'RenamePeer', peer: dice.ref(peer), name: dice.freePeerName() };
    },
  },
  {
    weight: 6,
    make: (dice) => {
      const peer = dice.peer((peer) => !peer.isDisabled);
      return peer && { type: 'DisablePeer', peer: dice.ref(peer), confirmed: dice.number(4) > 0 };
    },
  },
  {
    weight: 7,
    make: (dice) => {
      const peer = dice.peer((peer) => peer.isDisabled) ?? dice.peer();
      return peer && { type: 'EnablePeer', peer: dice.ref(peer) };
    },
  },
  {
    weight: 4,
    make: (dice) => {
      const peer = dice.peer();
      return peer && { type: 'DeletePeer', peer: dice.ref(peer), confirmed: true };
    },
  },
  {
    weight: 4,
    make: (dice) => {
      const peer = dice.peer((peer) => !peer.isAdmin);
      return peer && { type: 'GrantAdmin', peer: dice.ref(peer) };
    },
  },
  {
    weight: 4,
    make: (dice) => {
      const peer = dice.peer((peer) => peer.isAdmin);
      return peer && { type: 'RevokeAdmin', peer: dice.ref(peer), confirmed: dice.number(4) > 0 };
    },
  },
  {
    weight: 3,
    make: (dice) => {
      const peer = invited(dice);
      return (
        peer && {
          type: 'ReissueInvitation',
          peer: dice.ref(peer),
          publicKey: dice.key(),
          inviteExpires: dice.expiry(),
        }
      );
    },
  },
  {
    weight: 2,
    make: (dice) => {
      const peer = invited(dice);
      return peer && { type: 'RevokeInvitation', peer: dice.ref(peer) };
    },
  },
  { weight: 4, make: () => ({ type: 'ExpireInvitations' }) },
  {
    weight: 4,
    make: (dice) => {
      const peer = dice.peer();
      return peer && { type: 'SetEndpointOverride', peer: dice.ref(peer), endpoint: dice.endpoint() };
    },
  },
  {
    weight: 3,
    make: (dice) => {
      const peer = dice.peer(({ endpoint }) => endpoint !== null);
      return peer && { type: 'ClearEndpointOverride', peer: dice.ref(peer) };
    },
  },
  {
    weight: 2,
    make: (dice) => ({ type: 'ChangeServerEndpoint', endpoint: `${dice.freePeerName()}.example.org:51820` }),
  },
];

/** Refusals that no rule makes. */
type BeyondRules = 'CommandIdReused';

type Trick = (dice: Dice) => { asked: Asked; actor?: Context['actor']; now?: number } | undefined;

const trick =
  (make: Maker): Trick =>
  (dice) => {
    const asked = make(dice);
    return asked && { asked };
  };

const as = (peer: Peer | undefined, asked: Asked, now?: number): ReturnType<Trick> =>
  peer && { asked, actor: { kind: 'peer', peerId: peer.id }, ...(now === undefined ? {} : { now }) };

const redeemWith = (dice: Dice): Asked => ({ type: 'RedeemInvitation', publicKey: dice.key() });

/** For each refusal a question that is likely to earn it; the compiler asks for all. */
const TRICKS: { [C in Exclude<RejectionCode, BeyondRules>]: Trick } = {
  NetworkExists: trick(create),
  NoNetwork: trick(() => ({ type: 'DeletePeer', peer: 'ann' })),
  RangeTooSmall: trick(
    (dice) =>
      ({ ...(create(dice) as Asked), cidr: dice.family === 4 ? '10.42.0.1/32' : 'fdac::1/128' }) as Asked,
  ),
  RangeTooWide: trick(
    (dice) => ({ ...(create(dice) as Asked), cidr: dice.family === 4 ? '0.0.0.0/0' : '::/0' }) as Asked,
  ),
  NotAllowed: (dice) => {
    const asked = addPeer(dice) ?? { type: 'ExpireInvitations' };
    return as(
      dice.peer((peer) => !peer.isAdmin),
      asked,
    );
  },
  UnknownCidr: trick((dice) => ({ type: 'DeleteCidr', cidr: dice.number(2) === 0 ? 9999 : 'nowhere' })),
  CidrNameTaken: trick((dice) =>
    addCidr(dice, { name: dice.cidr()?.name.match(/^[a-z0-9-]+$/)?.[0] ?? SERVER_NAME }),
  ),
  CidrTaken: trick((dice) =>
    addCidr(dice, { cidr: networkOf(dice.one(dice.network.cidrs())?.cidr ?? range(dice)) }),
  ),
  CidrOutsideNetwork: trick((dice) =>
    addCidr(dice, { cidr: dice.family === 4 ? '10.43.0.0/24' : 'fdac:43::/64' }),
  ),
  CidrBelongsElsewhere: trick((dice) => addCidr(dice, { parent: SERVER_NAME })),
  CidrOverlaps: trick((dice) => {
    const node = dice.cidr(({ cidr }) => prefixOf(cidr) > prefixOf(range(dice)) + 1);
    return (
      node && addCidr(dice, { cidr: networkOf(`${addressOf(node.cidr)}/${prefixOf(node.cidr) - 1}` as Cidr) })
    );
  }),
  CidrHoldsPeers: trick((dice) => {
    const node = dice.cidr(({ id }) => dice.network.holdsPeers(id) && !dice.network.hasChildren(id));
    return node && { type: 'DeleteCidr', cidr: dice.ref(node) };
  }),
  CidrHasChildren: trick((dice) => {
    const node = dice.cidr(({ id }) => dice.network.hasChildren(id));
    return node && addPeer(dice, { cidr: dice.ref(node) });
  }),
  CidrHasAssociations: trick((dice) => {
    const isEmpty = ({ id }: CidrNode) => !dice.network.hasChildren(id) && !dice.network.holdsPeers(id);
    const isLinked = ({ id }: CidrNode) => [...dice.network.associatedWith(id)].length > 0;
    const linked = dice.cidr((node) => isEmpty(node) && isLinked(node));
    if (linked) return { type: 'DeleteCidr', cidr: dice.ref(linked) };
    const [empty, other] = [dice.cidr(isEmpty), dice.cidr()];
    return empty && other && { type: 'AddAssociation', cidrs: [empty.id, other.id] };
  }),
  CidrFull: trick((dice) => {
    const home = dice.cidr(
      (node) => !dice.network.hasChildren(node.id) && dice.network.freeIpIn(node) === undefined,
    );
    return home && addPeer(dice, { cidr: dice.ref(home) });
  }),
  UnknownPeer: trick((dice) => ({ type: 'EnablePeer', peer: dice.number(2) === 0 ? 9999 : 'nobody' })),
  PeerNameTaken: trick((dice) => {
    const [peer, other] = [dice.peer(), dice.peer()];
    return (
      peer &&
      other && {
        type: 'RenamePeer',
        peer: dice.ref(peer),
        name: other.id === peer.id ? SERVER_NAME : other.name,
      }
    );
  }),
  IpOutsideCidr: trick((dice) => addPeer(dice, { ip: dice.family === 4 ? '10.42.0.1' : 'fdac:42::1' })),
  IpNotAssignable: trick((dice) => {
    const home = dice.leaf();
    return home && addPeer(dice, { cidr: dice.ref(home), ip: addressOf(networkOf(home.cidr)) });
  }),
  IpTaken: trick((dice) => {
    const peer = dice.peer();
    return peer && addPeer(dice, { cidr: peer.cidrId, ip: peer.ip });
  }),
  IpRetired: trick((dice) => {
    const retired = dice.one(dice.network.toJSON().retiredIps);
    const home =
      retired &&
      dice.cidr(
        ({ id, cidr }) =>
          !dice.network.hasChildren(id) && overlaps(cidr, `${retired}/${fullPrefix(dice.family)}` as Cidr),
      );
    return home && addPeer(dice, { cidr: dice.ref(home), ip: retired });
  }),
  KeyTaken: trick((dice) => addPeer(dice, { publicKey: dice.one(dice.network.peers())?.publicKey })),
  KeyRetired: trick((dice) => {
    const key = dice.one(dice.network.toJSON().retiredKeys);
    return key && addPeer(dice, { publicKey: key });
  }),
  ServerIsFixed: trick((dice) =>
    dice.one<Asked>([
      { type: 'DisablePeer', peer: SERVER_NAME, confirmed: true },
      { type: 'RenameCidr', cidr: SERVER_CIDR, name: 'mine' },
      { type: 'DeleteCidr', cidr: ROOT_CIDR },
    ]),
  ),
  LastAdmin: trick((dice) => {
    const admins = [...dice.network.admins()];
    const [last] = admins;
    return admins.length === 1 && last
      ? {
          type: dice.one(['DisablePeer', 'DeletePeer', 'RevokeAdmin'] as const) ?? 'DeletePeer',
          peer: last.id,
        }
      : undefined;
  }),
  PeerIsDisabled: (dice) =>
    as(
      dice.peer((peer) => peer.isDisabled),
      redeemWith(dice),
    ),
  ExpiryInPast: trick((dice) => addPeer(dice, { inviteExpires: at(dice.now) })),
  InvitationEnded: (dice) => {
    const peer = dice.oneOf(
      dice.network.invited(),
      ({ inviteExpires, isDisabled }) => inviteExpires !== null && !isDisabled,
    );
    return as(peer, redeemWith(dice), Math.max(dice.now, Date.parse(peer?.inviteExpires ?? at(0))));
  },
  AlreadyRedeemed: (dice) =>
    as(
      dice.peer((peer) => peer.isRedeemed && !peer.isDisabled),
      redeemWith(dice),
    ),
  EndpointUnspecified: trick(() => ({ type: 'ChangeServerEndpoint', endpoint: '[::]:51820' })),
  SameCidr: trick((dice) => {
    const node = dice.cidr();
    return node && { type: 'AddAssociation', cidrs: [node.id, node.id] };
  }),
  RootNotAssociable: trick((dice) => {
    const node = dice.cidr();
    return node && { type: 'AddAssociation', cidrs: [node.id, ROOT_CIDR] };
  }),
  AssociationExists: trick((dice) => {
    const association = dice.one(dice.network.associations());
    return association && { type: 'AddAssociation', cidrs: [association.cidrIds[1], association.cidrIds[0]] };
  }),
  UnknownAssociation: trick((dice) => {
    const [left, right] = [dice.cidr(), dice.cidr()];
    return left && right && { type: 'DeleteAssociation', cidrs: [left.id, right.id] };
  }),
};

/** What can be refused before there is a network. */
const FIRST_TRICKS = ['NoNetwork', 'RangeTooSmall', 'RangeTooWide', 'EndpointUnspecified'] as const;

/** The refusals that `decide` can give, each provoked now and then. */
export const PROVOKED = Object.keys(TRICKS) as (keyof typeof TRICKS)[];

const total = SENSIBLE.reduce((sum, { weight }) => sum + weight, 0);

const sensible = (dice: Dice): Asked | undefined => {
  let left = dice.number(total);
  for (const { weight, make } of SENSIBLE) {
    left -= weight;
    if (left < 0) return make(dice);
  }
  return undefined;
};

/** Two to five sensible commands, each made for what the earlier ones would leave. */
const several = (dice: Dice, next: (network: Network, index: number) => Dice): Asked | undefined => {
  const draft = dice.network.clone();
  const commands: unknown[] = [];
  for (let index = 0; index < 2 + dice.number(4); index += 1) {
    const asked = sensible(next(draft, index));
    const command = Command.safeParse(asked);
    if (!command.success || NEVER_IN_ALL.has(command.data.type)) continue;
    const decision = decide(draft, command.data, { actor: { kind: 'server' }, now: at(dice.now) });
    if (!decision.accepted && dice.number(10) > 0) continue;
    if (decision.accepted) for (const event of decision.events) draft.evolve(event);
    commands.push(asked);
  }
  return commands.length > 0 ? { type: 'AllOf', commands } : undefined;
};

const NEVER_IN_ALL = new Set<CommandType>(['ExpireInvitations', 'CreateNetwork', 'RedeemInvitation']);

/** An admin if there is one and the dice say so, else somebody at the server's command line. */
const sensibleActor = (dice: Dice, asked: Asked): Context['actor'] => {
  const admin = dice.one(dice.network.admins());
  if (
    !admin ||
    dice.number(2) === 0 ||
    asked.type === 'ExpireInvitations' ||
    asked.type === 'CreateNetwork'
  ) {
    return dice.number(3) === 0 ? { kind: 'server' } : { kind: 'operator', uid: 0 };
  }
  return { kind: 'peer', peerId: admin.id };
};

/** A clock that a sequence of throws moves, and names and keys that are new each time. */
export class Questions {
  readonly #family: 4 | 6;
  #now = BEGIN;
  #serial = 0;

  constructor(family: 4 | 6) {
    this.#family = family;
  }

  /** The command that a throw means in this state of the network; always one. */
  next(network: Network, { kind, mischief, picks, wait }: Throw): Question {
    this.#serial += 1;
    this.#now += wait < 80 ? wait * 10 : (wait - 75) * MINUTES;
    const dice = this.#dice(network, picks);
    const found = this.#found(dice, kind, mischief) ?? {
      asked: addPeer(dice) ?? { type: 'ExpireInvitations' },
    };
    const actor = found.actor ?? sensibleActor(dice, found.asked);
    this.#now = Math.max(this.#now, found.now ?? 0);
    return { command: Command.parse(found.asked), context: { actor, now: at(this.#now) } };
  }

  #found(dice: Dice, kind: number, mischief: number): ReturnType<Trick> {
    if (dice.network.cidr(ROOT_CIDR) === undefined && kind < 35) return { asked: create(dice) as Asked };
    if (dice.network.cidr(ROOT_CIDR) === undefined)
      return TRICKS[FIRST_TRICKS[mischief % 4] ?? 'NoNetwork'](dice);
    if (kind < 36) return TRICKS[PROVOKED[mischief % PROVOKED.length] ?? 'UnknownPeer'](dice);
    if (kind < 50) return redeems(dice);
    const asked =
      kind < 60 ? several(dice, (network, index) => this.#later(network, dice, index)) : sensible(dice);
    return asked && { asked };
  }

  #dice(network: Network, picks: readonly number[]): Dice {
    return new Dice(network, this.#family, picks, this.#now, this.#serial);
  }

  /** Dice for one of several commands in one: other picks, names and keys. */
  #later(network: Network, dice: Dice, index: number): Dice {
    this.#serial += 1;
    return this.#dice(
      network,
      Array.from({ length: 8 }, () => dice.number(9973) * (index + 3)),
    );
  }
}

/** The invited peer joins; sometimes it asks twice. */
const redeems = (dice: Dice): ReturnType<Trick> => {
  const peer = dice.oneOf(
    dice.network.invited(),
    ({ inviteExpires, isDisabled }) =>
      !isDisabled && (inviteExpires === null || inviteExpires > at(dice.now)),
  );
  if (peer) return as(peer, redeemWith(dice));
  const joined = dice.peer((other) => other.isRedeemed && !other.isDisabled);
  return joined && as(joined, { type: 'RedeemInvitation', publicKey: joined.publicKey });
};
