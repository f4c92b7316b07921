// Questions made to be refused, one for each refusal; and what an invited peer asks.

import type { CidrNode } from '../../src/domain/cidr-tree.ts';
import type { Context } from '../../src/domain/decision.ts';
import { isPlain, type Peer } from '../../src/domain/peer.ts';
import type { RejectionCode } from '../../src/domain/rejection.ts';
import { ROOT_CIDR, SERVER_CIDR, SERVER_NAME, SERVER_PEER } from '../../src/values/id.ts';
import { addressOf, type Cidr, networkOf, overlaps, prefixOf, singleton } from '../../src/values/ip.ts';
import type { Asked } from '../given.ts';
import { at, type Dice } from './dice.ts';
import {
  addCidr,
  addPeer,
  addPhone,
  addRoute,
  associate,
  carries,
  create,
  deletePeer,
  disablePeer,
  type Maker,
  range,
} from './sensible.ts';

/** Refusals that no rule makes. */
type BeyondRules = 'CommandIdReused';

/** A question, who asks it, and when, if that matters. */
export type Trick = (
  dice: Dice,
) => { asked: Asked; actor?: Context['actor']; now?: number; isProved?: boolean } | undefined;

const trick =
  (make: Maker): Trick =>
  (dice) => {
    const asked = make(dice);
    return asked && { asked };
  };

const as = (peer: Peer | undefined, asked: Asked, now?: number): ReturnType<Trick> =>
  peer && { asked, actor: { kind: 'peer', peerId: peer.id }, ...(now === undefined ? {} : { now }) };

const redeemWith = (dice: Dice): Asked => ({ type: 'RedeemInvitation', publicKey: dice.key() });

/** About a phone, which is added first where there is none. */
const ofPhone = (dice: Dice, ask: (peer: number | string) => Asked): Asked | undefined => {
  const phone = dice.peer(isPlain);
  if (phone) return ask(dice.ref(phone));
  const added = addPhone(dice);
  return added?.type === 'AddPlainPeer'
    ? { type: 'AllOf', commands: [added, ask(added.name as string)] }
    : undefined;
};

/** For each refusal a question that is likely to earn it; the compiler asks for all. */
export const TRICKS: { [C in Exclude<RejectionCode, BeyondRules>]: Trick } = {
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
  PlanOutdated: trick((dice) => ({
    type: 'AllOf',
    commands: [{ type: 'EnablePeer', peer: 1 }],
    at: dice.network.position + 1,
  })),
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
    const [added, other] = [addCidr(dice), dice.cidr()];
    if (added?.type !== 'AddCidr' || !other) return undefined;
    const linking = { type: 'AddAssociation', cidrs: [added.name, other.id] };
    return { type: 'AllOf', commands: [added, linking, { type: 'DeleteCidr', cidr: added.name }] };
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
    if (!retired) return deletePeer(dice);
    const isOver = ({ cidr }: CidrNode) => overlaps(cidr, singleton(retired));
    const home = dice.cidr((node) => !dice.network.hasChildren(node.id) && isOver(node));
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
  PeerIsDisabled: (dice) => {
    const disabled = dice.peer((peer) => peer.isDisabled);
    return disabled ? as(disabled, redeemWith(dice)) : trick(disablePeer)(dice);
  },
  ExpiryInPast: trick((dice) => addPeer(dice, { inviteExpires: at(dice.now), redeemed: false })),
  EndInPast: trick((dice) => {
    const peer = dice.peer(({ isDisabled, expires }) => !isDisabled && expires !== at(dice.now));
    return peer && { type: 'SetExpiry', peer: dice.ref(peer), expires: at(dice.now) };
  }),
  PeerHasEnded: (dice) => {
    const peer = dice.peer(({ expires }) => expires !== undefined);
    const asked = peer && ({ type: 'EnablePeer', peer: dice.ref(peer) } as const);
    return asked && { asked, now: Math.max(dice.now, Date.parse(peer.expires ?? at(0))) };
  },
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
    const [left, right] = dice.one(dice.network.associations())?.cidrIds ?? [];
    return left && right ? { type: 'AddAssociation', cidrs: [right, left] } : associate(dice);
  }),
  UnknownAssociation: trick((dice) => {
    const [left, right] = [dice.cidr(), dice.cidr()];
    return left && right && { type: 'DeleteAssociation', cidrs: [left.id, right.id] };
  }),
  ProofNeeded: (dice) => {
    const asked: Asked[] = [{ type: 'RequireProof' }, associate(dice) ?? { type: 'WaiveProof' }];
    return as(dice.one(dice.network.admins()), dice.one(asked) ?? { type: 'WaiveProof' });
  },
  OpeningElsewhere: trick((dice) => {
    const cidrs = dice.one(dice.network.associations())?.cidrIds;
    return (
      cidrs && { type: 'LimitAssociation', cidrs: [...cidrs], allow: [{ from: ROOT_CIDR, protocol: 'icmp' }] }
    );
  }),
  ServerNotLimitable: trick((dice) => {
    const other = dice.cidr(
      ({ id }) => id !== SERVER_CIDR && !dice.network.associationBetween(id, SERVER_CIDR),
    );
    return other && { type: 'AddAssociation', cidrs: [dice.ref(other), SERVER_CIDR], allow: [] };
  }),
  CidrNotIsolable: trick(() => ({ type: 'IsolateCidr', cidr: ROOT_CIDR })),
  RelayNotJoined: trick((dice) => {
    const peer = dice.one(dice.network.invited());
    return peer && { type: 'SetRelay', peer: dice.ref(peer), port: 51821 };
  }),
  RelayIsDisabled: trick((dice) => {
    const peer = dice.peer(({ isRedeemed, isDisabled }) => isRedeemed && isDisabled);
    return peer && { type: 'SetRelay', peer: dice.ref(peer), port: 51821 };
  }),
  RouterIsServerOnly: trick((dice) => addPhone(dice, { via: dice.peer()?.id })),
  NotAPhone: trick((dice) => {
    const peer = dice.peer((one) => !isPlain(one));
    return peer && { type: 'RekeyPlainPeer', peer: dice.ref(peer), publicKey: dice.key() };
  }),
  PhoneIsNoAdmin: trick((dice) => ofPhone(dice, (peer) => ({ type: 'GrantAdmin', peer }))),
  NotARelay: trick((dice) => {
    const peer = dice.peer();
    return peer && { type: 'ClearRelay', peer: dice.ref(peer) };
  }),
  UnknownRoute: trick((dice) => ({ type: 'DeleteRoute', route: dice.number(2) === 0 ? 9999 : 'nowhere' })),
  RouteNameTaken: trick((dice) => {
    const taken = dice.one([SERVER_NAME, dice.route()?.name ?? SERVER_NAME]);
    const name = dice.route()?.name ?? SERVER_NAME;
    return dice.one<Asked | undefined>([addRoute(dice, { name: taken }), addPeer(dice, { name })]);
  }),
  RouteSpecial: trick((dice) => addRoute(dice, { blocks: ['169.254.0.0/24'] })),
  RouteOtherFamily: trick((dice) =>
    addRoute(dice, { blocks: [dice.family === 4 ? 'fd50::/64' : '192.168.50.0/24'] }),
  ),
  RouteInsideNetwork: trick((dice) => addRoute(dice, { blocks: [range(dice)] })),
  RouteMixesExit: trick((dice) => addRoute(dice, { blocks: ['0.0.0.0/0', 'fd50::/64'] })),
  RouteOverlapsItself: trick((dice) => addRoute(dice, { blocks: ['192.168.0.0/16', '192.168.50.0/24'] })),
  RouteHoldsServer: trick((dice) => {
    const [endpoint, block] =
      dice.family === 4 ? ['203.0.113.7:51820', '203.0.113.0/24'] : ['[2001:db8::7]:51820', '2001:db8::/64'];
    const moved = { type: 'ChangeServerEndpoint', endpoint };
    return { type: 'AllOf', commands: [moved, { type: 'AddRoute', name: 'here', blocks: [block] }] };
  }),
  RouteTaken: trick((dice) => {
    const route = dice.route(
      ({ blocks, openTo }) => openTo.length > 0 && !blocks.some((block) => prefixOf(block) === 0),
    );
    const cidr = route && dice.one(route.openTo);
    return route && cidr && addRoute(dice, { blocks: [...route.blocks], openTo: [cidr], routers: [] });
  }),
  RouteOpenAround: trick((dice) => {
    const node = dice.cidr();
    if (!node?.parentId) return undefined;
    const added = addRoute(dice, { routers: [], openTo: [node.parentId], blocks: ['0.0.0.0/0'] });
    const closing = { type: 'CloseRoute', route: added.type === 'AddRoute' && added.name, cidr: node.id };
    return { type: 'AllOf', commands: [added, closing] };
  }),
  RouterIsServer: trick((dice) => addRoute(dice, { routers: [{ peer: SERVER_NAME }] })),
  RouterIsPhone: trick((dice) => ofPhone(dice, (peer) => addRoute(dice, { routers: [{ peer }] }))),
  RouterNotJoined: trick((dice) => {
    const peer = dice.one(dice.network.invited());
    return peer && addRoute(dice, { routers: [{ peer: dice.ref(peer) }] });
  }),
  RouterIsDisabled: trick((dice) => {
    const peer = dice.peer((one) => one.isRedeemed && one.isDisabled && !isPlain(one));
    return peer && addRoute(dice, { routers: [{ peer: dice.ref(peer) }] });
  }),
  RouterAlready: trick((dice) => {
    const [router, name] = [{ cidr: dice.cidr()?.id ?? ROOT_CIDR }, dice.freeRouteName()];
    const added = addRoute(dice, { name, routers: [router], openTo: [] });
    return { type: 'AllOf', commands: [added, { type: 'AddRouter', route: name, ...router }] };
  }),
  NotARouter: trick((dice) => {
    const route = dice.route();
    return route && { type: 'RemoveRouter', route: route.id, peer: SERVER_NAME };
  }),
  RouterRankTaken: trick((dice) => {
    const one = dice.peer(carries);
    const other = dice.peer((peer) => carries(peer) && peer.id !== one?.id);
    const routers = [one, other].map((peer) => ({ peer: peer?.id, keepSource: true }));
    return one && other && addRoute(dice, { routers, openTo: [] });
  }),
  RouterIsMany: trick((dice) => {
    const node = dice.cidr();
    return node && addRoute(dice, { routers: [{ cidr: node.id, keepSource: true }] });
  }),
  CidrHasRoutes: trick((dice) => {
    const added = addCidr(dice);
    if (added?.type !== 'AddCidr') return undefined;
    const route = { type: 'AddRoute', name: 'here', blocks: dice.blocks(), openTo: [added.name] };
    return { type: 'AllOf', commands: [added, route, { type: 'DeleteCidr', cidr: added.name }] };
  }),
  ServerIsNoStandby: trick(() => ({ type: 'NameStandby', peer: SERVER_NAME })),
  StandbyNotJoined: trick((dice) => {
    const peer = dice.one(dice.network.invited());
    return peer && { type: 'NameStandby', peer: dice.ref(peer) };
  }),
  StandbyIsDisabled: trick((dice) => {
    const peer = dice.peer((one) => one.isRedeemed && one.isDisabled && !isPlain(one));
    return peer && { type: 'NameStandby', peer: dice.ref(peer) };
  }),
  PhoneIsNoStandby: trick((dice) => ofPhone(dice, (peer) => ({ type: 'NameStandby', peer }))),
  TooManyStandbys: trick((dice) => {
    const peers = [...dice.network.peers()].filter(
      (peer) => peer.id !== SERVER_PEER && peer.isRedeemed && !peer.isDisabled && !isPlain(peer),
    );
    const commands = peers.slice(0, 5).map(({ id }) => ({ type: 'NameStandby', peer: id }));
    return commands.length > 0 ? { type: 'AllOf', commands } : undefined;
  }),
  NotAStandby: trick((dice) => {
    const peer = dice.peer(({ isStandby }) => isStandby === undefined);
    return peer && { type: 'DismissStandby', peer: dice.ref(peer) };
  }),
  ProofNotRequired: trick((dice) =>
    dice.network.isProofRequired
      ? { type: 'WaiveProof' }
      : { type: 'RequireProof', peer: dice.ref(dice.peer(({ isProofWaived }) => !isProofWaived)) },
  ),
};

/** What can be refused before there is a network. */
export const FIRST_TRICKS = ['NoNetwork', 'RangeTooSmall', 'RangeTooWide', 'EndpointUnspecified'] as const;

/** The refusals that `decide` can give, each provoked now and then. */
export const PROVOKED = Object.keys(TRICKS) as (keyof typeof TRICKS)[];

/** The clock comes to the end of a peer, and the server's timer runs. */
export const ends = (dice: Dice): ReturnType<Trick> => {
  const peer = dice.peer(({ expires, isDisabled }) => typeof expires === 'string' && !isDisabled);
  return peer?.expires
    ? { asked: { type: 'ExpirePeers' }, now: Math.max(dice.now, Date.parse(peer.expires)) }
    : undefined;
};

/** The invited peer joins; sometimes it asks twice. */
export const redeems = (dice: Dice): ReturnType<Trick> => {
  const peer = dice.oneOf(
    dice.network.invited(),
    ({ inviteExpires, isDisabled }) =>
      !isDisabled && (inviteExpires === null || inviteExpires > at(dice.now)),
  );
  if (peer) return proved(dice, as(peer, redeemWith(dice)));
  const joined = dice.peer((other) => other.isRedeemed && !other.isDisabled);
  return joined && proved(dice, as(joined, { type: 'RedeemInvitation', publicKey: joined.publicKey }));
};

/** With a proof by key, every other time. */
const proved = (dice: Dice, asked: ReturnType<Trick>): ReturnType<Trick> =>
  asked && { ...asked, isProved: dice.number(2) === 0 };
