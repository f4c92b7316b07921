/** The peer, CIDR, association or route that an event is about, by the id in its body. */
import { type AssociationId, type CidrId, type PeerId, type RouteId, SERVER_PEER } from '../values/id.ts';
import type { NetworkEvent } from './schema.ts';

export type Thing =
  | { kind: 'peer'; id: PeerId }
  | { kind: 'cidr'; id: CidrId }
  | { kind: 'association'; id: AssociationId }
  | { kind: 'route'; id: RouteId };

/** Undefined: the network itself. */
export const subjectOf = (event: NetworkEvent): Thing | undefined => {
  if (event.type === 'ServerEndpointChanged') return { kind: 'peer', id: SERVER_PEER };
  if ('routeId' in event) return { kind: 'route', id: event.routeId };
  if ('peerId' in event) return event.peerId === undefined ? undefined : { kind: 'peer', id: event.peerId };
  if ('cidrId' in event) return { kind: 'cidr', id: event.cidrId };
  if ('associationId' in event) return { kind: 'association', id: event.associationId };
  return undefined;
};
