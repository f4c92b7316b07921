/** A WireGuard device's state, and its changes as data. */
import type { SocketAddress } from '../values/endpoint.ts';
import { Failure } from '../values/failure.ts';
import type { Cidr } from '../values/ip.ts';
import type { PrivateKey, PublicKey } from '../values/key.ts';
import type { InterfaceName } from '../values/name.ts';

/** Persistent keepalive of peers, as in innernet. */
export const KEEPALIVE_SECONDS = 25;

/** A peer as wanted; `undefined` leaves a field as it is. */
export type PeerConfig = {
  publicKey: PublicKey;
  /** Others are removed from the peer. */
  allowedIps: readonly Cidr[];
  endpoint?: SocketAddress | undefined;
  /** Seconds, 0 = off. Turning it on makes WireGuard send at once. */
  keepalive?: number | undefined;
};

export type PeerState = {
  publicKey: PublicKey;
  allowedIps: Cidr[];
  /** Undefined if never heard or set, or if it cannot be spelled here. */
  endpoint: SocketAddress | undefined;
  /** Seconds, 0 = off. */
  keepalive: number;
  /** Milliseconds since 1970 by this machine's clock; undefined before the first handshake. */
  latestHandshake: number | undefined;
  rxBytes: number;
  txBytes: number;
};

export type DeviceState = {
  /** Undefined without a private key. */
  publicKey: PublicKey | undefined;
  /** 0 while the device is not listening. */
  listenPort: number;
  /** Of the packets that it sends to endpoints; absent: none. */
  fwmark?: number;
  peers: Map<PublicKey, PeerState>;
};

export type Step = DeviceStep | PeerStep;

export type DeviceStep =
  | { kind: 'privateKey'; privateKey: PrivateKey }
  | { kind: 'listenPort'; listenPort: number }
  /** 0: none. */
  | { kind: 'fwmark'; fwmark: number };

export type PeerStep =
  /** Makes a missing peer; else changes only the named fields. */
  | ({ kind: 'set' } & Partial<Omit<PeerConfig, 'publicKey'>> & { publicKey: PublicKey })
  | { kind: 'remove'; publicKey: PublicKey }
  /** Of its `allowedIps` it has all but `added`, which the peers that have them lose. */
  | { kind: 'allow'; publicKey: PublicKey; allowedIps: readonly Cidr[]; added: readonly Cidr[] }
  /** In one operation: the session ends; with a keepalive the new peer initiates at once. */
  | ({ kind: 'recreate' } & PeerConfig);

export type Backend = 'kernel' | 'userspace';

export interface Device {
  readonly name: InterfaceName;
  readonly backend: Backend;
  /**
   * Applies steps in order, if possible in one operation; calls queue. Throws a `Failure`; steps before the
   * failed one stay.
   */
  apply(steps: readonly Step[]): Promise<void>;
  /** WireGuard cannot be asked for one peer. Throws a `Failure` if the device is gone. */
  read(): Promise<DeviceState>;
}

/** `REJECT_AFTER_TIME`, whitepaper 6.1: data of older sessions is rejected. */
const SESSION_MS = 180_000;

/** Whether a session can carry data. `now` in milliseconds since 1970. */
export const isLive = (peer: PeerState, now: number): boolean =>
  peer.latestHandshake !== undefined && now - peer.latestHandshake <= SESSION_MS;

export const portInUse = (port: number): Failure =>
  new Failure(`UDP port ${port} is in use by another program`, {
    hint: `see which one: sudo ss -ulpn 'sport = :${port}'`,
  });
