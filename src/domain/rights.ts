/**
 * The rights that a commit changed: peers that lost their connection, joined, or must prove themselves now.
 */
import type { NetworkEvent } from '../events/schema.ts';
import { type PeerId, SERVER_PEER } from '../values/id.ts';
import type { Change, Changes } from './changes.ts';
import type { Network } from './network.ts';
import { isPlain, type Peer } from './peer.ts';
import { unprovedRights } from './proofs.ts';

/** Invited or joined, and enabled; not the server itself. */
export const mayConnect = (peer: Peer | undefined): peer is Peer =>
  peer !== undefined && !peer.isDisabled && peer.id !== SERVER_PEER;

/** May ask the API: a phone has no role there, whatever runs on it. */
export const mayCall = (peer: Peer | undefined): peer is Peer => mayConnect(peer) && !isPlain(peer);

/** A peer before its key lost the right to connect. `joined`: its own key replaced the invitation's. */
export type EndedRight = { peer: Peer; reason: 'deleted' | 'disabled' | 'rekeyed' | 'joined' };

/** That of an invitation that was withdrawn or issued again: another peer or key may have it at once. */
export const isAddressFree = ({ peer, reason }: EndedRight): boolean =>
  !peer.isRedeemed && (reason === 'deleted' || reason === 'rekeyed');

export type Rights = {
  ended: ReadonlyMap<PeerId, EndedRight>;
  joined: ReadonlySet<PeerId>;
  /** Served nothing without a proof by key from now on. */
  mustProve: ReadonlySet<PeerId>;
};

const hasJoined = ({ before, after }: Change<Peer>): boolean =>
  before?.isRedeemed === false && after?.isRedeemed === true;

const endOf = (change: Change<Peer>): EndedRight | undefined => {
  const { before: peer, after } = change;
  if (!mayConnect(peer)) return undefined;
  if (!after) return { peer, reason: 'deleted' };
  if (after.isDisabled) return { peer, reason: 'disabled' };
  if (after.publicKey === peer.publicKey) return undefined;
  return { peer, reason: hasJoined(change) ? 'joined' : 'rekeyed' };
};

/** `network` is the state after the events, `changes` their effect. */
export const rightsAfter = (
  network: Network,
  events: Iterable<NetworkEvent>,
  { peers }: Pick<Changes, 'peers'>,
): Rights => {
  const ended = new Map<PeerId, EndedRight>();
  const joined = new Set<PeerId>();
  const mustProve = new Set<PeerId>();
  const judge = (peer: Peer | undefined): void => {
    if (peer && unprovedRights(network, peer) === 'nothing') mustProve.add(peer.id);
  };
  for (const [id, change] of peers) {
    const end = endOf(change);
    if (end) ended.set(id, end);
    if (hasJoined(change)) joined.add(id);
    judge(change.after);
  }
  for (const { type, ...event } of events)
    if (type === 'ProofRequired' && !('peerId' in event)) for (const peer of network.peers()) judge(peer);
  return { ended, joined, mustProve };
};
