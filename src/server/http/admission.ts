/** Who is calling, and whether a route is open to them: asked anew for every request. */
import type { IncomingMessage } from 'node:http';
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { SERVER_KEY_HEADER } from '../../protocol/http.ts';
import type { Endpoint } from '../../values/endpoint.ts';
import type { PublicKey } from '../../values/key.ts';
import { peerAt } from '../sessions/connections.ts';

/** Whom a route is open to: any enabled peer, one that redeems its invitation, one that has joined, or an admin that has. */
export const ROLES = ['peer', 'redeeming', 'redeemed', 'admin'] as const;
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
  }
};

/**
 * Whether a request was meant for this API. A web page on a peer's machine, also one behind a rebound name, does
 * not know the header or names another host or its origin; the header is no secret, every peer knows it.
 */
const isAddressedToUs = (request: IncomingMessage, serverKey: PublicKey, host: Endpoint): boolean =>
  request.headers[SERVER_KEY_HEADER] === serverKey &&
  request.headers.origin === undefined &&
  request.headers.host?.toLowerCase() === host;

/** The caller of a request, if it may call at all; headers of proxies are never believed. */
export const callerOf = (
  request: IncomingMessage,
  { network, serverKey, endpoint }: { network: Network; serverKey: PublicKey; endpoint: Endpoint },
): Peer | undefined =>
  isAddressedToUs(request, serverKey, endpoint) ? peerAt(network, request.socket.remoteAddress) : undefined;
