/** The rule by which the log learns whose program keeps to limits, and when it must learn that first. */
import type { NetworkEvent } from '../events/schema.ts';
import type { CidrId, PeerId } from '../values/id.ts';
import { accept, type Rule } from './decision.ts';
import { subtree } from './lineage.ts';
import type { Network } from './network.ts';

/** What a peer's program says of limits, as `PeerEnforces` has it. */
export type Said = { readonly peerId: PeerId; readonly limits: boolean | null };

const newsIn = (network: Network, said: Iterable<Said>): Said[] =>
  [...said].filter(({ peerId, limits }) => {
    const peer = network.peer(peerId);
    return peer?.isRedeemed === true && (peer.limits ?? null) !== limits;
  });

const recorded = ({ peerId, limits }: Said): NetworkEvent => ({ type: 'PeerEnforces', peerId, limits });

export const recordEnforcers: Rule<'RecordEnforcers'> = (network, { said }) =>
  accept(...newsIn(network, said).map(recorded));

/** The CIDRs whose peers some of these events limit, with all that is in them. */
const limitedBy = (network: Network, events: readonly NetworkEvent[]): Set<CidrId> => {
  const added = new Map(
    events.flatMap((event) =>
      event.type === 'AssociationAdded' ? [[event.associationId, event.cidrIds] as const] : [],
    ),
  );
  const limited = new Set<CidrId>();
  for (const event of events) {
    if (event.type !== 'AssociationLimited') continue;
    const ends = network.association(event.associationId)?.cidrIds ?? added.get(event.associationId) ?? [];
    for (const end of ends) for (const id of subtree(network, end)) limited.add(id);
  }
  return limited;
};

/**
 * Events to record before these: what the programs of the peers say whom these limit. Otherwise the pairs
 * would lose sight of each other until it is recorded.
 */
export const wordsBefore = (
  network: Network,
  events: readonly NetworkEvent[],
  said: () => Iterable<Said>,
): NetworkEvent[] => {
  const limited = limitedBy(network, events);
  if (limited.size === 0) return [];
  return newsIn(network, said())
    .filter(({ peerId }) => limited.has(network.peer(peerId)?.cidrId as CidrId))
    .map(recorded);
};
