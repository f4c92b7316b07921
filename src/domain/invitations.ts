/**
 * Rules of invitations: redeemed once, by the invited peer, before expiry; expired ones free name and
 * address.
 */
import { actingPeer } from '../events/actor.ts';
import { SERVER_PEER } from '../values/id.ts';
import type { PeerRef } from './command.ts';
import { accept, type Context, type Decision, type Rule, reject } from './decision.ts';
import { hasEnded } from './ends.ts';
import type { Network } from './network.ts';
import type { Peer } from './peer.ts';
import { findPeer, hasExpired, keyTrouble } from './peers.ts';

const ended = (peer: Peer, { now }: Context): Decision =>
  reject({ code: 'InvitationEnded', name: peer.name, ended: peer.inviteExpires ?? now });

/**
 * The actor is the invited peer. Its own current key again is no error: the first answer may have been lost.
 */
export const redeemInvitation: Rule<'RedeemInvitation'> = (network, { publicKey, signingKey }, context) => {
  const peerId = actingPeer(context.actor);
  const peer = peerId === undefined ? undefined : network.peer(peerId);
  if (!peer) return reject({ code: 'NotAllowed', command: 'RedeemInvitation' });
  if (hasEnded(peer, context.now))
    return reject({ code: 'PeerHasEnded', name: peer.name, ended: peer.expires ?? context.now });
  if (peer.isDisabled) return reject({ code: 'PeerIsDisabled', name: peer.name });
  if (peer.isRedeemed) {
    return peer.publicKey === publicKey ? accept() : reject({ code: 'AlreadyRedeemed', name: peer.name });
  }
  if (hasExpired(peer, context.now)) return ended(peer, context);
  const trouble = keyTrouble(network, publicKey);
  if (trouble) return reject(trouble);
  const proved = context.isProved ? { proved: true } : {};
  const signing = signingKey === undefined ? {} : { signingKey };
  return accept({ type: 'InvitationRedeemed', peerId: peer.id, publicKey, ...proved, ...signing });
};

const onInvited = (network: Network, ref: PeerRef, rule: (peer: Peer) => Decision): Decision => {
  const peer = findPeer(network, ref);
  if (!peer) return reject({ code: 'UnknownPeer', peer: ref });
  if (peer.id === SERVER_PEER) return reject({ code: 'ServerIsFixed', what: 'peer' });
  if (peer.isRedeemed) return reject({ code: 'AlreadyRedeemed', name: peer.name });
  return rule(peer);
};

export const reissueInvitation: Rule<'ReissueInvitation'> = (network, command, { now }) =>
  onInvited(network, command.peer, (peer) => {
    const { publicKey, inviteExpires } = command;
    if (inviteExpires !== null && inviteExpires <= now)
      return reject({ code: 'ExpiryInPast', inviteExpires });
    const trouble = keyTrouble(network, publicKey);
    if (trouble) return reject(trouble);
    return accept({ type: 'InvitationReissued', peerId: peer.id, publicKey, inviteExpires });
  });

export const revokeInvitation: Rule<'RevokeInvitation'> = (network, { peer: ref }) =>
  onInvited(network, ref, (peer) => accept({ type: 'InvitationRevoked', peerId: peer.id }));

export const expireInvitations: Rule<'ExpireInvitations'> = (network, _command, { now }) => {
  const over = [...network.invited()].filter((peer) => hasExpired(peer, now));
  return accept(...over.map((peer) => ({ type: 'InvitationExpired' as const, peerId: peer.id })));
};
