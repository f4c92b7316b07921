/** Reaches the server: looks its name up and tries handshakes until it answers. */
import { lookup } from 'node:dns/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { type Endpoint, endpointOf, hostOf, portOf, SocketAddress } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { type Ip, singleton } from '../../values/ip.ts';
import {
  type Device,
  KEEPALIVE_SECONDS,
  type PeerConfig,
  type PeerState,
  type Step,
} from '../../wireguard/device.ts';
import type { Pair } from '../memory/pins.ts';

/** Milliseconds; later ones suit a very long way. */
const TRY_EVERY_MS = 250;
const PATIENT_EVERY_MS = 1000;
const QUICK_TRIES = 12;
/** Milliseconds between looks at the device. */
const LOOK_EVERY_MS = 2;
const LOOK_LATER_MS = 10;

/** All addresses, in the resolver's order. Throws a `Failure` for an unknown name. */
export const addressesOf = async (endpoint: Endpoint): Promise<SocketAddress[]> => {
  const address = SocketAddress.safeParse(endpoint).data;
  if (address) return [address];
  try {
    const found = await lookup(hostOf(endpoint), { all: true });
    return found.map((entry) => SocketAddress.parse(endpointOf(entry.address, portOf(endpoint))));
  } catch (cause) {
    throw new Failure(`the server's name ${hostOf(endpoint)} cannot be looked up`, {
      hint: 'check the spelling and this machine’s DNS',
      cause,
    });
  }
};

/** Without an endpoint. `phones`: their packets come and go through it. */
export const serverConfig = ({ ip, publicKey }: Pair, phones: readonly Ip[] = []): PeerConfig => ({
  publicKey,
  allowedIps: [ip, ...phones].map(singleton),
  keepalive: KEEPALIVE_SECONDS,
});

/** Undefined after `milliseconds`. */
const handshake = async (
  device: Device,
  { publicKey }: PeerConfig,
  milliseconds: number,
): Promise<PeerState | undefined> => {
  const start = performance.now();
  for (;;) {
    const peer = (await device.read()).peers.get(publicKey);
    if (peer?.latestHandshake !== undefined) return peer;
    const passed = performance.now() - start;
    if (passed >= milliseconds) return undefined;
    await pause(passed < 50 ? LOOK_EVERY_MS : LOOK_LATER_MS);
  }
};

/** Recreates the peer until it answers, at first together with `before`. Undefined after `milliseconds`. */
export const reachServer = async (
  device: Device,
  server: PeerConfig,
  endpoints: readonly SocketAddress[],
  milliseconds: number,
  before: readonly Step[] = [],
): Promise<PeerState | undefined> => {
  const start = performance.now();
  for (let round = 0; ; round += 1) {
    const endpoint = endpoints[round % endpoints.length];
    const step: Step = { kind: 'recreate', ...server, endpoint };
    await device.apply(round === 0 ? [...before, step] : [step]);
    const left = milliseconds - (performance.now() - start);
    const wait = Math.min(left, round < QUICK_TRIES ? TRY_EVERY_MS : PATIENT_EVERY_MS);
    const peer = await handshake(device, server, wait);
    if (peer || left <= wait) return peer;
  }
};
