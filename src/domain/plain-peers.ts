/** Rules of plain WireGuard peers, such as phones: they follow nothing, and a router passes their packets. */
import { type PeerId, SERVER_PEER } from '../values/id.ts';
import type { PeerRef } from './command.ts';
import { accept, type Decision, type Rule, reject } from './decision.ts';
import type { Network } from './network.ts';
import { isPlain, type Peer } from './peer.ts';
import { addPeer, findPeer, keyTrouble, onPeer } from './peers.ts';

/** Only the server's own machine is a router yet. */
const onRouter = (network: Network, ref: PeerRef, rule: (via: PeerId) => Decision): Decision => {
  const router = findPeer(network, ref);
  if (!router) return reject({ code: 'UnknownPeer', peer: ref });
  return router.id === SERVER_PEER
    ? rule(router.id)
    : reject({ code: 'RouterIsServerOnly', name: router.name });
};

const onPlain = (network: Network, ref: PeerRef, rule: (peer: Peer) => Decision): Decision =>
  onPeer(network, ref, (peer) =>
    isPlain(peer) ? rule(peer) : reject({ code: 'NotAPhone', name: peer.name }),
  );

export const addPlainPeer: Rule<'AddPlainPeer'> = (
  network,
  { via: router = SERVER_PEER, ...command },
  context,
) =>
  onRouter(network, router, (via) => {
    const plain = { isAdmin: false, redeemed: true, inviteExpires: null } as const;
    const decision = addPeer(network, { ...command, ...plain, type: 'AddPeer' }, context);
    if (!decision.accepted) return decision;
    const declared = { type: 'PlainPeerDeclared', peerId: network.nextIds.peer, via } as const;
    return accept(...decision.events, declared);
  });

export const routePlainPeer: Rule<'RoutePlainPeer'> = (network, { peer: ref, via: router }) =>
  onPlain(network, ref, (peer) =>
    onRouter(network, router, (via) =>
      peer.via === via ? accept() : accept({ type: 'PlainPeerRouted', peerId: peer.id, via }),
    ),
  );

export const rekeyPlainPeer: Rule<'RekeyPlainPeer'> = (network, { peer: ref, publicKey }) =>
  onPlain(network, ref, (peer) => {
    if (peer.publicKey === publicKey) return accept();
    const trouble = keyTrouble(network, publicKey);
    return trouble ? reject(trouble) : accept({ type: 'PlainPeerRekeyed', peerId: peer.id, publicKey });
  });
