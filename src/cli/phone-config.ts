/** The file of a phone: a WireGuard configuration with one peer, its router. */
import { isPlain, type Peer } from '../domain/peer.ts';
import { Failure } from '../values/failure.ts';
import { ROOT_CIDR, SERVER_PEER } from '../values/id.ts';
import { type Cidr, type Ip, singleton } from '../values/ip.ts';
import type { PrivateKey, PublicKey } from '../values/key.ts';
import type { NetworkView, ServerFacts } from './plane.ts';

/** Fits every way, as in innernet 2.0: a phone changes its networks. */
const MTU_BYTES = 1280;
/** Routers in between forget a way that is silent for longer. */
const KEEPALIVE_SECONDS = 25;

/** What is the same for all phones of a router. */
export type Router = { publicKey: PublicKey; endpoint: string; range: Cidr };

export const routerOf = ({ cidrs, peers }: NetworkView, server: ServerFacts): Router => {
  const root = cidrs.find(({ id }) => id === ROOT_CIDR);
  if (!root) throw new Failure('the network does not show its range, which the file of a phone names');
  const endpoint = peers.find(({ id }) => id === SERVER_PEER)?.endpoint ?? server.externalEndpoint;
  return { publicKey: server.publicKey, endpoint, range: root.cidr };
};

/** Its AllowedIPs are the whole network, so that no change of the network needs another scan: the router filters. */
export const phoneConfig = (
  { publicKey, endpoint, range }: Router,
  ip: Ip,
  key: PrivateKey | undefined,
): string =>
  [
    '[Interface]',
    key ? `PrivateKey = ${key.reveal()}` : '# PrivateKey: the phone alone has it',
    `Address = ${singleton(ip)}`,
    `MTU = ${MTU_BYTES}`,
    '',
    '[Peer]',
    `PublicKey = ${publicKey}`,
    `AllowedIPs = ${range}`,
    `Endpoint = ${endpoint}`,
    `PersistentKeepalive = ${KEEPALIVE_SECONDS}`,
    '',
  ].join('\n');

/** Throws a `Failure` for another kind of peer. */
export const phoneNamed = ({ peers }: NetworkView, name: string): Peer => {
  const peer = peers.find((one) => one.name === name);
  if (peer && isPlain(peer)) return peer;
  throw new Failure(peer ? `"${name}" is no phone` : `there is no peer "${name}"`, {
    hint: 'the phones are marked among the peers',
    verb: 'list-peers',
  });
};
