/** Rules of expiry: an expired peer is cut off as by disable, until an admin sets another end. */
import { accept, type Rule, reject } from './decision.ts';
import { endFrom, hasEnded } from './ends.ts';
import { onPeer } from './peers.ts';

/** A disabled peer may have a past end: enabling it then takes another. */
export const setExpiry: Rule<'SetExpiry'> = (network, command, { now }) =>
  onPeer(network, command.peer, ({ id, expires: before, isDisabled }) => {
    const expires = endFrom(command.expires, now);
    if (expires === (before ?? null)) return accept();
    if (expires !== null && expires <= now && !isDisabled) return reject({ code: 'EndInPast', expires });
    return accept({ type: 'PeerExpirySet', peerId: id, expires });
  });

export const setDefaultExpiry: Rule<'SetDefaultExpiry'> = (network, { seconds }) =>
  network.defaultExpiry === seconds ? accept() : accept({ type: 'DefaultExpirySet', seconds });

export const expirePeers: Rule<'ExpirePeers'> = (network, _command, { now }) => {
  const over = [...network.ending()].filter((peer) => hasEnded(peer, now));
  over.sort((left, right) => left.id - right.id);
  return accept(...over.map(({ id }) => ({ type: 'PeerExpired' as const, peerId: id })));
};
