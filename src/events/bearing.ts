/** The bearing of each event on what peers may do: whether it widens that, narrows it, or does neither. */
import type { EventType } from './schema.ts';

/**
 * `widens`: some peer may reach, read or ask for something that it could not before, or the tree by which that is judged
 * grows. `narrows`: some peer loses that, and nobody gains. `neither`: names, places and proofs that take nothing from
 * who can give them.
 */
export type Bearing = 'widens' | 'narrows' | 'neither';

export const BEARING: { readonly [T in EventType]: Bearing } = {
  NetworkCreated: 'widens',
  NetworkImported: 'widens',
  LogRestored: 'narrows',
  CidrAdded: 'widens',
  CidrRenamed: 'neither',
  CidrDeleted: 'narrows',
  PeerAdded: 'widens',
  InvitationRedeemed: 'widens',
  InvitationReissued: 'widens',
  InvitationRevoked: 'narrows',
  InvitationExpired: 'narrows',
  PeerRenamed: 'neither',
  PeerDisabled: 'narrows',
  PeerEnabled: 'widens',
  /** An earlier end narrows; a later one, or none, widens, and the event does not say which it is. */
  PeerExpirySet: 'widens',
  PeerExpired: 'narrows',
  /** Each peer that is added has its own end in the log. */
  DefaultExpirySet: 'neither',
  PeerDeleted: 'narrows',
  AdminGranted: 'widens',
  AdminRevoked: 'narrows',
  AssociationAdded: 'widens',
  AssociationDeleted: 'narrows',
  EndpointOverrideSet: 'neither',
  EndpointOverrideCleared: 'neither',
  ServerEndpointChanged: 'neither',
  ProofRequired: 'narrows',
  ProofWaived: 'widens',
  PeerProved: 'neither',
};
