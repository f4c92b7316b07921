/** Rules of relays: which peers pass the packets of others, and where. A peer's own machine must consent as well. */
import { accept, type Rule, reject } from './decision.ts';
import type { Peer } from './peer.ts';
import { findPeer } from './peers.ts';
import type { Rejection } from './rejection.ts';

const trouble = ({ name, isRedeemed, isDisabled }: Peer): Rejection | undefined => {
  if (!isRedeemed) return { code: 'RelayNotJoined', name };
  return isDisabled ? { code: 'RelayIsDisabled', name } : undefined;
};

export const setRelay: Rule<'SetRelay'> = (network, { peer: ref, port, endpoint }) => {
  const peer = findPeer(network, ref);
  if (!peer) return reject({ code: 'UnknownPeer', peer: ref });
  const why = trouble(peer);
  if (why) return reject(why);
  if (peer.relayPort === port && peer.relayEndpoint === endpoint) return accept();
  const where = endpoint === undefined ? {} : { endpoint };
  return accept({ type: 'RelaySet', peerId: peer.id, port, ...where });
};

/** Also of a disabled peer, which would be a relay again when it is enabled. */
export const clearRelay: Rule<'ClearRelay'> = (network, { peer: ref }) => {
  const peer = findPeer(network, ref);
  if (!peer) return reject({ code: 'UnknownPeer', peer: ref });
  if (peer.relayPort === undefined) return reject({ code: 'NotARelay', name: peer.name });
  return accept({ type: 'RelayCleared', peerId: peer.id });
};
