/** Who calls, and whether a route is open to them, per request. */
import type { IncomingMessage } from 'node:http';
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { SERVER_KEY_HEADER } from '../../protocol/http.ts';
import type { Endpoint } from '../../values/endpoint.ts';
import type { PublicKey } from '../../values/key.ts';
import { peerAt } from '../sessions/connections.ts';

/** An enabled peer; one that is redeeming; one that has redeemed; an admin; a named standby, which proves itself. */
export const ROLES = ['peer', 'redeeming', 'redeemed', 'admin', 'standby'] as const;
export type Role = (typeof ROLES)[number];

export const isOpenTo = (role: Role, peer: Peer): boolean => {
  switch (role) {
    case 'peer':
    case 'redeeming':
      return true;
    case 'redeemed':
      return peer.isRedeemed;
    case 'admin':
      return peer.isRedeemed && peer.isAdmin;
    case 'standby':
      return peer.isRedeemed && peer.isStandby === true;
  }
};

/**
 * A web page on a peer's machine, even behind a rebound DNS name, lacks the header or sends another host or
 * an origin. The header is no secret.
 */
const isAddressedToUs = (request: IncomingMessage, serverKey: PublicKey, host: Endpoint): boolean =>
  request.headers[SERVER_KEY_HEADER] === serverKey &&
  request.headers.origin === undefined &&
  request.headers.host?.toLowerCase() === host;

/** Undefined if it may not call. Proxy headers are never trusted. */
export const callerOf = (
  request: IncomingMessage,
  { network, serverKey, endpoint }: { network: Network; serverKey: PublicKey; endpoint: Endpoint },
): Peer | undefined =>
  isAddressedToUs(request, serverKey, endpoint) ? peerAt(network, request.socket.remoteAddress) : undefined;
