// What people and programs sensibly ask of a network in its present state.
import { Command, type CommandType } from '../../src/domain/command.ts';
import { decide } from '../../src/domain/decide.ts';
import type { Network } from '../../src/domain/network.ts';
import { isPlain, type Peer } from '../../src/domain/peer.ts';
import { routeWith } from '../../src/domain/routes.ts';
import { SERVER_CIDR, SERVER_PEER } from '../../src/values/id.ts';
import {
  assignableRange,
  type Cidr,
  fromNumber,
  fullPrefix,
  overlaps,
  prefixOf,
} from '../../src/values/ip.ts';
import { acme, acme6, keyOf } from '../acme.ts';
import type { Asked } from '../given.ts';
import { at, type Dice } from './dice.ts';

/** A command that fits the network, or undefined where none does. */
export type Maker = (dice: Dice) => Asked | undefined;

export const range = (dice: Dice): Cidr => (dice.family === 4 ? acme.range : acme6.range);

export const create: Maker = (dice) => ({
  type: 'CreateNetwork',
  name: 'acme',
  cidr: range(dice),
  serverKey: keyOf('server'),
  endpoint: 'vpn.example.org:51820',
});

export const addPeer = (dice: Dice, more: { [field: string]: unknown } = {}): Asked | undefined => {
  const home = dice.leaf();
  return (
    home && {
      type: 'AddPeer',
      name: dice.freePeerName(),
      cidr: dice.ref(home),
      isAdmin: dice.number(3) === 0,
      publicKey: dice.key(),
      inviteExpires: dice.expiry(),
      ...(dice.number(6) === 0 ? { redeemed: true, disabled: dice.number(4) === 0 } : {}),
      ...more,
    }
  );
};

/** The server passes its packets. */
export const addPhone = (dice: Dice, more: { [field: string]: unknown } = {}): Asked | undefined => {
  const home = dice.leaf();
  return (
    home && {
      type: 'AddPlainPeer',
      name: dice.freePeerName(),
      cidr: dice.ref(home),
      publicKey: dice.key(),
      ...more,
    }
  );
};

export const addCidr = (dice: Dice, more: { [field: string]: unknown } = {}): Asked | undefined => {
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

export const associate: Maker = (dice) => {
  const left = dice.cidr();
  const right = dice.cidr(
    (node) => node.id !== left?.id && !dice.network.associationBetween(node.id, left?.id ?? node.id),
  );
  return left && right && { type: 'AddAssociation', cidrs: [dice.ref(left), dice.ref(right)] };
};

/** Some openings from either end, or none. */
const openingsOf = (dice: Dice, ends: readonly [number, number]): object[] =>
  Array.from({ length: dice.number(4) }, () => {
    const from = ends[dice.number(2)] ?? ends[0];
    const protocol = dice.one(['tcp', 'udp', 'icmp', 'any'] as const) ?? 'tcp';
    const first = 1 + dice.number(9) * 100;
    const isPorted = (protocol === 'tcp' || protocol === 'udp') && dice.number(3) > 0;
    return { from, protocol, ...(isPorted ? { ports: [[first, first + dice.number(3) * 100]] } : {}) };
  });

/** A way, all of it or a part. */
const associateLimited: Maker = (dice) => {
  const left = dice.cidr(({ id }) => id !== SERVER_CIDR);
  const right = dice.cidr(
    ({ id }) => id !== left?.id && id !== SERVER_CIDR && !dice.network.associationBetween(id, left?.id ?? id),
  );
  return (
    left &&
    right && {
      type: 'AddAssociation',
      cidrs: [left.id, right.id],
      allow: openingsOf(dice, [left.id, right.id]),
    }
  );
};

const limit: Maker = (dice) => {
  const cidrs = dice.oneOf(dice.network.associations(), (one) => !one.cidrIds.includes(SERVER_CIDR))?.cidrIds;
  if (!cidrs) return undefined;
  if (dice.number(4) === 0) return { type: 'UnlimitAssociation', cidrs: [...cidrs] };
  return { type: 'LimitAssociation', cidrs: [...cidrs], allow: openingsOf(dice, cidrs) };
};

const isolate: Maker = (dice) => {
  const node = dice.oneOf(dice.network.cidrs(), ({ isIsolated }) => isIsolated === true) ?? dice.leaf();
  if (!node) return undefined;
  const isOpen = node.isIsolated === undefined;
  return { type: isOpen ? 'IsolateCidr' : 'UnisolateCidr', cidr: dice.ref(node) };
};

/** What programs say of themselves: mostly that they keep to limits. */
const recordEnforcers: Maker = (dice) => {
  const peers = [...dice.network.peers()].filter(({ isRedeemed }) => isRedeemed);
  if (peers.length === 0) return undefined;
  const limits = dice.one([true, true, true, false, null] as const) ?? null;
  const some = dice.number(2) === 0 ? peers : peers.slice(dice.number(peers.length)).slice(0, 2);
  return { type: 'RecordEnforcers', said: some.map(({ id: peerId }) => ({ peerId, limits })) };
};

const dissociate: Maker = (dice) => {
  const association = dice.one(dice.network.associations());
  return association && { type: 'DeleteAssociation', cidrs: [...association.cidrIds] };
};

export const disablePeer: Maker = (dice) => {
  const peer = dice.peer((other) => !other.isDisabled);
  return peer && { type: 'DisablePeer', peer: dice.ref(peer), confirmed: dice.number(4) > 0 };
};

export const deletePeer: Maker = (dice) => {
  const peer = dice.peer();
  return peer && { type: 'DeletePeer', peer: dice.ref(peer), confirmed: true };
};

/** Of everybody, or of one peer: a waiver ends only where there is one. */
const proofs = (dice: Dice, type: 'RequireProof' | 'WaiveProof'): Asked => {
  const isFitting = ({ isProofWaived }: Peer) => type === 'WaiveProof' || isProofWaived === true;
  const peer = dice.number(2) === 0 ? dice.peer(isFitting) : undefined;
  return peer ? { type, peer: dice.ref(peer) } : { type };
};

/** The server relays, relays elsewhere, or relays no more. */
const relay: Maker = (dice) => {
  const isOne = dice.network.peer(SERVER_PEER)?.relayPort !== undefined;
  if (isOne && dice.number(2) === 0) return { type: 'ClearRelay', peer: SERVER_PEER };
  const where = dice.one([{}, { endpoint: '192.0.2.7:4001' }, { endpoint: '0.0.0.0:4002' }]);
  return { type: 'SetRelay', peer: SERVER_PEER, port: 51821 + dice.number(3), ...where };
};

export const carries = ({ id, isRedeemed, isDisabled, via }: Peer): boolean =>
  id !== SERVER_PEER && isRedeemed && !isDisabled && via === undefined;

/** A peer, or each of a CIDR. */
const carrier = (dice: Dice): object | undefined => {
  if (dice.number(3) === 0) {
    const node = dice.cidr();
    return node && { cidr: dice.ref(node) };
  }
  const peer = dice.peer(carries);
  return peer && { peer: dice.ref(peer) };
};

const ranked = (dice: Dice): object =>
  dice.number(2) === 0 ? {} : { rank: dice.number(4), ...(dice.number(3) === 0 ? { keepSource: true } : {}) };

/** Mostly with a router, and open to somebody. */
export const addRoute = (dice: Dice, more: { [field: string]: unknown } = {}): Asked => {
  const router = dice.number(4) === 0 ? undefined : carrier(dice);
  const opened = dice.number(4) === 0 ? undefined : dice.cidr();
  return {
    type: 'AddRoute',
    name: dice.freeRouteName(),
    blocks: dice.blocks(),
    ...(router ? { routers: [{ ...router, ...ranked(dice) }] } : {}),
    ...(opened ? { openTo: [dice.ref(opened)] } : {}),
    ...more,
  };
};

const addRouter: Maker = (dice) => {
  const [route, router] = [dice.route(), carrier(dice)];
  return route && router && { type: 'AddRouter', route: dice.ref(route), ...router, ...ranked(dice) };
};

/** Another rank, or none any more. */
const changeRouter: Maker = (dice) => {
  const route = dice.route(({ routers }) => routers.length > 0);
  const router = route && dice.one(route.routers);
  if (!router) return undefined;
  const { peerId: peer, cidrId: cidr } = router;
  const which = { route: route.id, ...(peer === undefined ? { cidr } : { peer }) };
  return dice.number(2) === 0
    ? { type: 'RankRouter', ...which, rank: dice.number(6) }
    : { type: 'RemoveRouter', ...which };
};

const openRoute: Maker = (dice) => {
  const [route, node] = [dice.route(), dice.cidr()];
  return route && node && { type: 'OpenRoute', route: dice.ref(route), cidr: dice.ref(node) };
};

const closeRoute: Maker = (dice) => {
  const route = dice.route(({ openTo }) => openTo.length > 0);
  const cidr = route && dice.one(route.openTo);
  return route && cidr && { type: 'CloseRoute', route: dice.ref(route), cidr };
};

const changeRoute: Maker = (dice) => {
  const route = dice.route();
  if (!route) return undefined;
  return dice.number(2) === 0
    ? { type: 'RenameRoute', route: dice.ref(route), name: dice.freeRouteName() }
    : { type: 'DeleteRoute', route: dice.ref(route) };
};

/** Named, dismissed, or taking over. */
const standby: Maker = (dice) => {
  const named = dice.peer(({ isStandby }) => isStandby === true);
  if (named && dice.number(2) === 0)
    return { type: dice.number(2) === 0 ? 'DismissStandby' : 'PromoteStandby', peer: dice.ref(named) };
  const peer = dice.peer(
    (one) => one.isRedeemed && !one.isDisabled && !isPlain(one) && one.isStandby === undefined,
  );
  return peer && { type: 'NameStandby', peer: dice.ref(peer) };
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
  { weight: 6, make: associateLimited },
  { weight: 7, make: limit },
  { weight: 6, make: isolate },
  { weight: 5, make: recordEnforcers },
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
          [...dice.network.associatedWith(id)].length === 0 &&
          routeWith(dice.network, id) === undefined,
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
  { weight: 6, make: (dice) => disablePeer(dice) },
  {
    weight: 7,
    make: (dice) => {
      const peer = dice.peer((peer) => peer.isDisabled) ?? dice.peer();
      const end = dice.number(2) === 0 ? { expires: dice.expiry() } : {};
      return peer && { type: 'EnablePeer', peer: dice.ref(peer), ...end };
    },
  },
  {
    weight: 5,
    make: (dice) => {
      const peer = dice.peer();
      return peer && { type: 'SetExpiry', peer: dice.ref(peer), expires: dice.expiry() };
    },
  },
  {
    weight: 2,
    make: (dice) => ({
      type: 'SetDefaultExpiry',
      seconds: dice.number(2) === 0 ? null : 60 * (1 + dice.number(90)),
    }),
  },
  { weight: 4, make: () => ({ type: 'ExpirePeers' }) },
  { weight: 4, make: (dice) => deletePeer(dice) },
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
  { weight: 6, make: (dice) => relay(dice) },
  { weight: 6, make: (dice) => addPhone(dice) },
  {
    weight: 4,
    make: (dice) => {
      const phone = dice.peer(isPlain);
      return phone && { type: 'RekeyPlainPeer', peer: dice.ref(phone), publicKey: dice.key() };
    },
  },
  { weight: 8, make: (dice) => addRoute(dice) },
  { weight: 6, make: addRouter },
  { weight: 5, make: changeRouter },
  { weight: 7, make: openRoute },
  { weight: 4, make: closeRoute },
  { weight: 4, make: changeRoute },
  { weight: 6, make: (dice) => standby(dice) },
  { weight: 1, make: (dice) => ({ type: 'SetQuestionKey', publicKey: dice.key() }) },
  { weight: 3, make: (dice) => proofs(dice, dice.number(2) === 0 ? 'RequireProof' : 'WaiveProof') },
  {
    weight: 3,
    make: (dice) => {
      const keys = Array.from(dice.network.peers(), ({ publicKey }) => publicKey);
      return { type: 'RecordProofs', publicKeys: [dice.key(), dice.one(keys), dice.one(keys)] };
    },
  },
  {
    weight: 2,
    make: (dice) => ({ type: 'ChangeServerEndpoint', endpoint: `${dice.freePeerName()}.example.org:51820` }),
  },
];

const total = SENSIBLE.reduce((sum, { weight }) => sum + weight, 0);

/** One of the things that people do. */
export const sensible = (dice: Dice): Asked | undefined => {
  let left = dice.number(total);
  for (const { weight, make } of SENSIBLE) {
    left -= weight;
    if (left < 0) return make(dice);
  }
  return undefined;
};

const NEVER_IN_ALL = new Set<CommandType>([
  'ExpireInvitations',
  'ExpirePeers',
  'CreateNetwork',
  'RedeemInvitation',
  'RecordProofs',
  'RecordEnforcers',
  'SetQuestionKey',
  'PromoteStandby',
]);

/** Two to five sensible commands, each made for what the earlier ones would leave. */
export const several = (dice: Dice, next: (network: Network, index: number) => Dice): Asked | undefined => {
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
