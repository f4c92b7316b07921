/** Between which CIDRs a router passes packets of phones, and what may be begun there. */
import { type CidrId, type PeerId, SERVER_CIDR } from '../values/id.ts';
import type { Ip } from '../values/ip.ts';
import { type Openings, openings } from './limits.ts';
import type { Network } from './network.ts';
import { appears } from './visibility.ts';

/** `allow`: what peers of `from` may begin towards peers of `to`. */
export type PhonePair = { from: CidrId; to: CidrId; allow: Exclude<Openings, undefined> };

export type Carried = { phones: Ip[]; pairs: PhonePair[] };

/** Of the phones that this peer is the router of. */
export const carriedBy = (network: Network, router: PeerId): Carried => {
  const phones = [...network.plainPeers()].filter((peer) => appears(peer) && peer.via === router);
  if (phones.length === 0) return { phones: [], pairs: [] };
  const homes = new Set(phones.map(({ cidrId }) => cidrId));
  const others = [...network.cidrs()]
    .map(({ id }) => id)
    .filter((id) => id !== SERVER_CIDR && network.holdsPeers(id));
  const pairs = [...homes].flatMap((home) =>
    others.flatMap((other) => [
      ...pairOf(network, home, other),
      ...(homes.has(other) ? [] : pairOf(network, other, home)),
    ]),
  );
  return { phones: phones.map(({ ip }) => ip), pairs };
};

const pairOf = (network: Network, from: CidrId, to: CidrId): PhonePair[] => {
  const allow = openings(network, from, to);
  return allow === undefined ? [] : [{ from, to, allow }];
};
