/** Rules of proofs by key: who needs one, and the rights of a request without. */
import { actingPeer } from '../events/actor.ts';
import { isAboutProofs } from './askers.ts';
import type { Command } from './command.ts';
import { accept, type Context, type Rule, reject } from './decision.ts';
import type { Network } from './network.ts';
import type { Peer } from './peer.ts';
import { findPeer, onPeer } from './peers.ts';

/**
 * `all`: what its peer may, as in innernet 2.0; `reads-and-reports`: read, redeem, report endpoints, but no
 * admin's act; `nothing`: not even an answer, since that peer can prove itself.
 */
export type UnprovedRights = 'all' | 'reads-and-reports' | 'nothing';

export const unprovedRights = (
  { isProofRequired }: Pick<Network, 'isProofRequired'>,
  { isProofWaived, hasProved }: Pick<Peer, 'isProofWaived' | 'hasProved'>,
): UnprovedRights => {
  if (!isProofRequired || isProofWaived) return 'all';
  return hasProved ? 'nothing' : 'reads-and-reports';
};

/** A peer's report about itself, which needs no admin. */
export const isOwnReport = (network: Network, command: Command, asker: Peer): boolean => {
  if (command.type === 'RedeemInvitation') return true;
  const isEndpoint = command.type === 'SetEndpointOverride' || command.type === 'ClearEndpointOverride';
  return isEndpoint && findPeer(network, command.peer)?.id === asker.id;
};

/** The peer that lacks a needed proof, if any. */
export const needsProof = (
  network: Network,
  command: Command,
  { actor, isProved }: Context,
): Peer | undefined => {
  const peerId = actingPeer(actor);
  const asker = peerId === undefined || isProved ? undefined : network.peer(peerId);
  if (!asker || isAboutProofs(command.type)) return asker;
  const rights = unprovedRights(network, asker);
  if (rights === 'all') return undefined;
  return rights === 'reads-and-reports' && isOwnReport(network, command, asker) ? undefined : asker;
};

export const requireProof: Rule<'RequireProof'> = (network, { peer: ref }) => {
  const isRequired = network.isProofRequired;
  if (ref === undefined) return isRequired ? accept() : accept({ type: 'ProofRequired' });
  return onPeer(network, ref, ({ id, name, isProofWaived }) => {
    if (isProofWaived) return accept({ type: 'ProofRequired', peerId: id });
    return isRequired ? accept() : reject({ code: 'ProofNotRequired', name });
  });
};

/** A peer's waiver may come first, so that none is locked out in between. */
export const waiveProof: Rule<'WaiveProof'> = (network, { peer: ref }) => {
  if (ref === undefined) return network.isProofRequired ? accept({ type: 'ProofWaived' }) : accept();
  return onPeer(network, ref, ({ id, isProofWaived }) =>
    isProofWaived ? accept() : accept({ type: 'ProofWaived', peerId: id }),
  );
};

/** A temporary key's proof says nothing of the peer's later key. */
export const recordProofs: Rule<'RecordProofs'> = (network, { publicKeys }) => {
  const peers = [...new Set(publicKeys)].flatMap((key) => network.peerWithKey(key) ?? []);
  const unknown = peers.filter(({ isRedeemed, hasProved }) => isRedeemed && !hasProved);
  return accept(...unknown.map(({ id }) => ({ type: 'PeerProved' as const, peerId: id })));
};
