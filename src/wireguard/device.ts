/** What a WireGuard device is to the rest of the program: its state, and steps that change it, as data. */
import type { SocketAddress } from '../values/endpoint.ts';
import { Failure } from '../values/failure.ts';
import type { Cidr } from '../values/ip.ts';
import type { PrivateKey, PublicKey } from '../values/key.ts';
import type { InterfaceName } from '../values/name.ts';

/** A peer as it should be on a device. What is `undefined` is left as it is there. */
export type PeerConfig = {
  publicKey: PublicKey;
  /** All of them: others are taken away from the peer. */
  allowedIps: readonly Cidr[];
  endpoint?: SocketAddress | undefined;
  /** Persistent keepalive in seconds, 0 = off. Turning it on makes WireGuard send at once. */
  keepalive?: number | undefined;
};

/** A peer as a device has it. */
export type PeerState = {
  publicKey: PublicKey;
  allowedIps: Cidr[];
  /** Where it was last heard from, or what was set; undefined when neither, or when it cannot be named here. */
  endpoint: SocketAddress | undefined;
  /** Seconds, 0 = off. */
  keepalive: number;
  /** Milliseconds since 1970 by the clock of this machine; undefined before the first handshake. */
  latestHandshake: number | undefined;
  rxBytes: number;
  txBytes: number;
};

export type DeviceState = {
  /** The public key that belongs to the private key on the device; undefined while there is none. */
  publicKey: PublicKey | undefined;
  /** 0 while the device is not listening. */
  listenPort: number;
  peers: Map<PublicKey, PeerState>;
};

/** One change of a device. */
export type Step = DeviceStep | PeerStep;

export type DeviceStep =
  | { kind: 'privateKey'; privateKey: PrivateKey }
  | { kind: 'listenPort'; listenPort: number };

export type PeerStep =
  /** Makes the peer if there is none with this key; otherwise changes only what is named. */
  | ({ kind: 'set' } & Partial<Omit<PeerConfig, 'publicKey'>> & { publicKey: PublicKey })
  | { kind: 'remove'; publicKey: PublicKey }
  /** Removes the peer and makes it anew in one operation: its session ends; with a keepalive it initiates at once. */
  | ({ kind: 'recreate' } & PeerConfig);

export type Backend = 'kernel' | 'userspace';

export interface Device {
  readonly name: InterfaceName;
  readonly backend: Backend;
  /**
   * Carries the steps out in their order, as one operation where the backend can. Calls are carried out one after
   * another. Throws a `Failure`, the steps before the failing one in force.
   */
  apply(steps: readonly Step[]): Promise<void>;
  /** Everything at once: WireGuard has no way to ask for one peer. Throws a `Failure` if the device is gone. */
  read(): Promise<DeviceState>;
}

/** WireGuard rejects data under a session after this many milliseconds (`REJECT_AFTER_TIME`, whitepaper 6.1). */
const SESSION_MS = 180_000;

/** Whether a session with the peer can still carry data. `now` in milliseconds since 1970. */
export const isLive = (peer: PeerState, now: number): boolean =>
  peer.latestHandshake !== undefined && now - peer.latestHandshake <= SESSION_MS;

/** Said alike by both backends. */
export const portInUse = (port: number): Failure =>
  new Failure(`UDP port ${port} is in use by another program`, {
    hint: `see which one: sudo ss -ulpn 'sport = :${port}'`,
  });

/** Runs tasks one after another, each whether or not the one before it failed. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task, task);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
