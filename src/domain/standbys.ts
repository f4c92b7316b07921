/** Rules of standbys: which peers' machines follow the log, and may take over from the server's. */
import { SERVER_PEER } from '../values/id.ts';
import type { PeerRef } from './command.ts';
import { accept, type Decision, type Rule, reject } from './decision.ts';
import type { Network } from './network.ts';
import { isPlain, type Peer } from './peer.ts';
import { findPeer, keyTrouble } from './peers.ts';
import type { Rejection } from './rejection.ts';

/** Each connected one is waited for at each change. */
export const MAX_STANDBYS = 4;

const trouble = ({ id, name, isRedeemed, isDisabled, via }: Peer): Rejection | undefined => {
  if (id === SERVER_PEER) return { code: 'ServerIsNoStandby' };
  if (isPlain({ via })) return { code: 'PhoneIsNoStandby', name };
  if (!isRedeemed) return { code: 'StandbyNotJoined', name };
  return isDisabled ? { code: 'StandbyIsDisabled', name } : undefined;
};

const standbyNames = (network: Network): string[] =>
  [...network.standbys].sort((left, right) => left - right).map((id) => network.peer(id)?.name ?? String(id));

const onStandby = (network: Network, ref: PeerRef, rule: (peer: Peer) => Decision): Decision => {
  const peer = findPeer(network, ref);
  if (!peer) return reject({ code: 'UnknownPeer', peer: ref });
  return peer.isStandby ? rule(peer) : reject({ code: 'NotAStandby', name: peer.name });
};

export const nameStandby: Rule<'NameStandby'> = (network, { peer: ref }) => {
  const peer = findPeer(network, ref);
  if (!peer) return reject({ code: 'UnknownPeer', peer: ref });
  const why = trouble(peer);
  if (why) return reject(why);
  if (peer.isStandby) return accept();
  const names = standbyNames(network);
  if (names.length >= MAX_STANDBYS) return reject({ code: 'TooManyStandbys', names });
  return accept({ type: 'StandbyNamed', peerId: peer.id });
};

/** Also of a disabled peer, which would be a standby again when it is enabled. */
export const dismissStandby: Rule<'DismissStandby'> = (network, { peer: ref }) =>
  onStandby(network, ref, ({ id: peerId }) => accept({ type: 'StandbyDismissed', peerId }));

/** The server's device has it as a peer, so no peer of the network may have it. */
export const setQuestionKey: Rule<'SetQuestionKey'> = (network, { publicKey }) => {
  if (network.questionKey === publicKey) return accept();
  const why = keyTrouble(network, publicKey);
  return why ? reject(why) : accept({ type: 'QuestionKeySet', publicKey });
};

/** Refuses a standby that was disabled or dismissed: its right to the log has ended. */
export const promoteStandby: Rule<'PromoteStandby'> = (network, { peer: ref }) =>
  onStandby(network, ref, (peer) => {
    const why = trouble(peer);
    if (why) return reject(why);
    return accept({ type: 'ServerPromoted', peerId: peer.id, epoch: network.epoch + 1 });
  });
