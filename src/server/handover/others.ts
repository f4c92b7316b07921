/** Whether another machine serves the network already: asked at all places where one may stand, by WireGuard alone. */
import { lookup } from 'node:dns/promises';
import type { Network } from '../../domain/network.ts';
import { type Endpoint, endpointOf, hostOf, portOf, SocketAddress } from '../../values/endpoint.ts';
import { type PeerId, SERVER_PEER } from '../../values/id.ts';
import type { PrivateKey, PublicKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import { whoAnswers } from '../../wireguard/question.ts';
import { localAddresses } from '../../wireguard/routes.ts';
import { openDevice } from '../../wireguard/tunnel.ts';

export type Others = {
  /** The tunnel's name on this machine. */
  device: InterfaceName;
  network: Network;
  serverKey: PublicKey;
  /** The private half of the network's question key. */
  question: PrivateKey;
  /** Where a peer was observed last. */
  observed: (id: PeerId) => SocketAddress | null;
  /** What could not be asked. */
  warn: (message: string) => void;
};

/** Where a device with the server's key answers that is not this machine's; undefined: nowhere. Takes up to 2.4 s. */
export const whoServes = async (others: Others): Promise<SocketAddress | undefined> => {
  const { device, network, question, serverKey } = others;
  const own = new Set<string>(localAddresses().map(({ ip }) => ip));
  const places = (await placesOf(others)).filter((place) => !own.has(hostOf(place)));
  const before = await heardHere(device, network.questionKey);
  const answered = await whoAnswers({ own: question, other: serverKey }, places);
  if (answered === undefined) return undefined;
  // A router may have led the question back to this machine.
  const after = await heardHere(device, network.questionKey);
  return after > before ? undefined : answered;
};

/** The server's endpoint, and those of its standbys: one that was promoted has the server's port. */
const placesOf = async ({ network, observed, warn }: Others): Promise<SocketAddress[]> => {
  const endpoint = network.peer(SERVER_PEER)?.endpoint ?? undefined;
  const places = endpoint ? await addressesOf(endpoint, warn) : [];
  for (const id of network.standbys) {
    const seen = observed(id);
    if (!seen) continue;
    places.push(seen);
    if (endpoint) places.push(SocketAddress.parse(endpointOf(hostOf(seen), portOf(endpoint))));
  }
  return [...new Set(places)];
};

const addressesOf = async (endpoint: Endpoint, warn: Others['warn']): Promise<SocketAddress[]> => {
  const address = SocketAddress.safeParse(endpoint).data;
  if (address) return [address];
  try {
    const found = await lookup(hostOf(endpoint), { all: true });
    return found.map((entry) => SocketAddress.parse(endpointOf(entry.address, portOf(endpoint))));
  } catch {
    warn(`the server's name ${hostOf(endpoint)} cannot be looked up: nobody was asked there`);
    return [];
  }
};

/** Bytes that this machine's own device has heard of who asks; 0 without one. */
const heardHere = async (device: InterfaceName, question: PublicKey | null): Promise<number> => {
  if (question === null) return 0;
  const state = await (await openDevice(device).catch(() => undefined))?.read().catch(() => undefined);
  return state?.peers.get(question)?.rxBytes ?? 0;
};
