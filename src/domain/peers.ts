/** Rules of peers: unique name, permanent address, one key; the server's own peer is fixed. */
import type { EventOf, NetworkEvent } from '../events/schema.ts';
import { isUnspecified } from '../values/endpoint.ts';
import { type PeerId, ROOT_CIDR, SERVER_CIDR, SERVER_PEER } from '../values/id.ts';
import { containsIp, type Ip, isAssignable, toNumber } from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import type { Timestamp } from '../values/time.ts';
import type { CidrNode } from './cidr-tree.ts';
import { findCidr } from './cidrs.ts';
import type { CommandOf, PeerRef } from './command.ts';
import { accept, type Context, type Decision, type Rule, reject } from './decision.ts';
import { endFrom } from './ends.ts';
import type { Network } from './network.ts';
import { isPlain, type Peer } from './peer.ts';
import type { Rejection } from './rejection.ts';
import { routerAt } from './route-table.ts';

export const findPeer = (network: Network, ref: PeerRef): Peer | undefined =>
  typeof ref === 'number' ? network.peer(ref) : network.peerNamed(ref);

/** Whether a peer's invitation has expired, by the server's clock. */
export const hasExpired = (peer: Peer, now: Timestamp): boolean =>
  !peer.isRedeemed && peer.inviteExpires !== null && peer.inviteExpires <= now;

/** The reason why no peer can get this key, if any. */
export const keyTrouble = (network: Network, key: PublicKey): Rejection | undefined => {
  if (network.peerWithKey(key)) return { code: 'KeyTaken', key };
  if (network.questionKey === key) return { code: 'KeyTaken', key };
  if (network.isRetiredKey(key)) return { code: 'KeyRetired', key };
  return undefined;
};

/** Applies a rule to the peer; refuses an unknown one and the server. */
export const onPeer = (network: Network, ref: PeerRef, rule: (peer: Peer) => Decision): Decision => {
  const peer = findPeer(network, ref);
  if (!peer) return reject({ code: 'UnknownPeer', peer: ref });
  if (peer.id === SERVER_PEER) return reject({ code: 'ServerIsFixed', what: 'peer' });
  return rule(peer);
};

const isLastAdmin = (network: Network, peer: Peer): boolean => {
  if (!peer.isAdmin) return false;
  let present = false;
  for (const admin of network.admins()) {
    if (admin.id !== peer.id) return false;
    present = true;
  }
  return present;
};

const homeTrouble = (network: Network, home: CidrNode): Rejection | undefined => {
  if (home.id === SERVER_CIDR) return { code: 'ServerIsFixed', what: 'CIDR' };
  if (network.hasChildren(home.id)) return { code: 'CidrHasChildren', name: home.name };
  return undefined;
};

const ipTrouble = (network: Network, home: CidrNode, ip: Ip, now: Timestamp): Rejection | undefined => {
  const root = network.cidr(ROOT_CIDR)?.cidr ?? home.cidr;
  if (!containsIp(home.cidr, ip)) return { code: 'IpOutsideCidr', ip, name: home.name, cidr: home.cidr };
  for (const cidr of [home.cidr, root])
    if (!isAssignable(cidr, ip)) return { code: 'IpNotAssignable', ip, cidr };
  if (network.isRetiredIp(ip)) return { code: 'IpRetired', ip };
  const holder = network.peerAt(ip);
  if (holder && !hasExpired(holder, now)) return { code: 'IpTaken', ip, by: holder.name };
  return undefined;
};

const inTheWay = (network: Network, name: string, ip: Ip | undefined, now: Timestamp): NetworkEvent[] => {
  const holders = [network.peerNamed(name), ip === undefined ? undefined : network.peerAt(ip)];
  const expired = new Set(holders.filter((peer) => peer !== undefined && hasExpired(peer, now)));
  return [...expired].flatMap((peer) =>
    peer ? [{ type: 'InvitationExpired' as const, peerId: peer.id }] : [],
  );
};

/** The lowest free address, else the lowest held by an expired invitation. */
const nextIp = (network: Network, home: CidrNode, now: Timestamp): Ip | undefined => {
  const free = network.freeIpIn(home);
  if (free) return free;
  let lowest: Ip | undefined;
  for (const peer of network.peersIn(home.id)) {
    if (!hasExpired(peer, now) || ipTrouble(network, home, peer.ip, now)) continue;
    if (lowest === undefined || toNumber(peer.ip) < toNumber(lowest)) lowest = peer.ip;
  }
  return lowest;
};

const addPeerAt = (
  network: Network,
  command: CommandOf<'AddPeer'>,
  home: CidrNode,
  { now }: Context,
): Decision => {
  const ip = command.ip ?? nextIp(network, home, now);
  if (!ip) return reject({ code: 'CidrFull', name: home.name, cidr: home.cidr });
  const trouble = ipTrouble(network, home, ip, now) ?? keyTrouble(network, command.publicKey);
  if (trouble) return reject(trouble);
  const { name, isAdmin, publicKey, inviteExpires, redeemed, disabled, endpoint } = command;
  const peerId = network.nextIds.peer;
  const added: NetworkEvent = {
    type: 'PeerAdded',
    peerId,
    name,
    ip,
    cidrId: home.id,
    publicKey,
    isAdmin,
    inviteExpires,
    ...(redeemed ? { redeemed } : {}),
    ...(disabled ? { disabled } : {}),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
  const expires = endFrom(command.expires === undefined ? network.defaultExpiry : command.expires, now);
  if (expires !== null && expires <= now) return reject({ code: 'EndInPast', expires });
  return accept(
    ...inTheWay(network, name, ip, now),
    added,
    ...(expires === null ? [] : [{ type: 'PeerExpirySet' as const, peerId, expires }]),
  );
};

export const addPeer: Rule<'AddPeer'> = (network, command, context) => {
  const home = findCidr(network, command.cidr);
  if (!home) return reject({ code: 'UnknownCidr', cidr: command.cidr });
  const trouble = homeTrouble(network, home);
  if (trouble) return reject(trouble);
  const namesake = network.peerNamed(command.name);
  if (namesake && !hasExpired(namesake, context.now)) {
    return reject({ code: 'PeerNameTaken', name: command.name, ip: namesake.ip });
  }
  if (network.routeNamed(command.name))
    return reject({ code: 'RouteNameTaken', name: command.name, by: 'route' });
  const { inviteExpires, redeemed } = command;
  if (!redeemed && inviteExpires !== null && inviteExpires <= context.now) {
    return reject({ code: 'ExpiryInPast', inviteExpires });
  }
  return addPeerAt(network, command, home, context);
};

export const renamePeer: Rule<'RenamePeer'> = (network, { peer: ref, name }, { now }) =>
  onPeer(network, ref, (peer) => {
    if (peer.name === name) return accept();
    const namesake = network.peerNamed(name);
    if (namesake && !hasExpired(namesake, now))
      return reject({ code: 'PeerNameTaken', name, ip: namesake.ip });
    if (network.routeNamed(name)) return reject({ code: 'RouteNameTaken', name, by: 'route' });
    return accept(...inTheWay(network, name, undefined, now), { type: 'PeerRenamed', peerId: peer.id, name });
  });

export const disablePeer: Rule<'DisablePeer'> = (network, { peer: ref, confirmed }) =>
  onPeer(network, ref, (peer) => {
    if (peer.isDisabled) return accept();
    if (!confirmed && isLastAdmin(network, peer)) return reject({ code: 'LastAdmin', name: peer.name });
    return accept({ type: 'PeerDisabled', peerId: peer.id });
  });

export const enablePeer: Rule<'EnablePeer'> = (network, { peer: ref, expires }, { now }) =>
  onPeer(network, ref, (peer) => {
    const end = expires === undefined ? (peer.expires ?? null) : endFrom(expires, now);
    if (end !== null && end <= now)
      return expires === undefined
        ? reject({ code: 'PeerHasEnded', name: peer.name, ended: end })
        : reject({ code: 'EndInPast', expires: end });
    const moved =
      end === (peer.expires ?? null)
        ? []
        : [{ type: 'PeerExpirySet' as const, peerId: peer.id, expires: end }];
    // After a restored backup, clients hold back peers that they saw removed until an admin enables them
    // again.
    const isIn = !peer.isDisabled && (peer.isVouchedFor || network.restorations.length === 0);
    return accept(...moved, ...(isIn ? [] : [{ type: 'PeerEnabled' as const, peerId: peer.id }]));
  });

/** Each event changes one thing: its routes lose it by their own. */
const carriesNoMore = (network: Network, peerId: PeerId): EventOf<'RouterRemoved'>[] =>
  [...network.routes()]
    .filter((route) => routerAt(route, { peerId }))
    .map(({ id: routeId }) => ({ type: 'RouterRemoved', routeId, peerId }));

export const deletePeer: Rule<'DeletePeer'> = (network, { peer: ref, confirmed }) =>
  onPeer(network, ref, (peer) => {
    if (!confirmed && isLastAdmin(network, peer)) return reject({ code: 'LastAdmin', name: peer.name });
    return accept(...carriesNoMore(network, peer.id), { type: 'PeerDeleted', peerId: peer.id });
  });

export const grantAdmin: Rule<'GrantAdmin'> = (network, { peer: ref }) =>
  onPeer(network, ref, (peer) => {
    if (isPlain(peer)) return reject({ code: 'PhoneIsNoAdmin', name: peer.name });
    return peer.isAdmin ? accept() : accept({ type: 'AdminGranted', peerId: peer.id });
  });

export const revokeAdmin: Rule<'RevokeAdmin'> = (network, { peer: ref, confirmed }) =>
  onPeer(network, ref, (peer) => {
    if (!peer.isAdmin) return accept();
    if (!confirmed && isLastAdmin(network, peer)) return reject({ code: 'LastAdmin', name: peer.name });
    return accept({ type: 'AdminRevoked', peerId: peer.id });
  });

export const setEndpointOverride: Rule<'SetEndpointOverride'> = (network, { peer: ref, endpoint }) =>
  onPeer(network, ref, (peer) =>
    peer.endpoint === endpoint
      ? accept()
      : accept({ type: 'EndpointOverrideSet', peerId: peer.id, endpoint }),
  );

export const clearEndpointOverride: Rule<'ClearEndpointOverride'> = (network, { peer: ref }) =>
  onPeer(network, ref, (peer) =>
    peer.endpoint === null ? accept() : accept({ type: 'EndpointOverrideCleared', peerId: peer.id }),
  );

export const changeServerEndpoint: Rule<'ChangeServerEndpoint'> = (network, { endpoint }) => {
  if (isUnspecified(endpoint)) return reject({ code: 'EndpointUnspecified', endpoint });
  if (network.peer(SERVER_PEER)?.endpoint === endpoint) return accept();
  return accept({ type: 'ServerEndpointChanged', endpoint });
};
