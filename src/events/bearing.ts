/** The effect of each event type on the rights of peers: widens, narrows, or neither. */
import type { EventType } from './schema.ts';

/**
 * `widens`: a peer may reach, read or request more, or the tree that decides it grows. `narrows`: a peer
 * loses that, none gains. `neither`: names, places, and proofs that cost nothing to peers able to give them.
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
  /** An earlier end narrows, a later one widens; the event does not say which it is. */
  PeerExpirySet: 'widens',
  PeerExpired: 'narrows',
  /** Each new peer has its own expiry in the log. */
  DefaultExpirySet: 'neither',
  PeerDeleted: 'narrows',
  AdminGranted: 'widens',
  AdminRevoked: 'narrows',
  AssociationAdded: 'widens',
  AssociationDeleted: 'narrows',
  /** It narrows a whole association, and may widen another limit; the event does not say which it does. */
  AssociationLimited: 'widens',
  AssociationUnlimited: 'widens',
  CidrIsolated: 'narrows',
  CidrUnisolated: 'widens',
  EndpointOverrideSet: 'neither',
  EndpointOverrideCleared: 'neither',
  ServerEndpointChanged: 'neither',
  /** A relay learns who talks with whom, when and how much. */
  RelaySet: 'widens',
  RelayCleared: 'narrows',
  ProofRequired: 'narrows',
  ProofWaived: 'widens',
  PeerProved: 'neither',
  /** A router reads what the peer says to others. */
  PlainPeerDeclared: 'widens',
  PlainPeerRouted: 'widens',
  PlainPeerRekeyed: 'neither',
  /** A limited pair sees each other once both enforce. */
  PeerEnforces: 'widens',
  /** It reads every record. */
  StandbyNamed: 'widens',
  StandbyDismissed: 'narrows',
  QuestionKeySet: 'neither',
  /** Another machine, with the same key, address and log. */
  ServerPromoted: 'neither',
  /** Carried by nobody and closed to all. */
  RouteAdded: 'neither',
  RouteRenamed: 'neither',
  RouteDeleted: 'narrows',
  /** It reads what goes by the route. */
  RouterAdded: 'widens',
  RouterRanked: 'neither',
  RouterRemoved: 'narrows',
  RouteOpened: 'widens',
  RouteClosed: 'narrows',
};
