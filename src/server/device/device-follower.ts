/**
 * Keeps the server's own WireGuard device equal to the log, commit by commit and without reading it, and compares
 * it as a whole now and then; what it reads tells where peers are seen.
 */
import type { Change } from '../../domain/changes.ts';
import type { Peer } from '../../domain/peer.ts';
import type { PeerId } from '../../values/id.ts';
import type { Cidr } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import {
  type Device,
  type DeviceState,
  type Step as DeviceStep,
  type PeerConfig,
  Turns,
} from '../../wireguard/device.ts';
import { type DeviceConfig, type PeerDelta, plan, stepsForDelta } from '../../wireguard/plan.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { Observations } from '../observations/observations.ts';
import { configsOf, deltaBetween, holdAfter, isOnDevice } from './device-peers.ts';
import type { Redemptions } from './redemptions.ts';

/** All in milliseconds. */
const COMPARE_EVERY = 60_000;
const READ_EVERY = 1_000;
/** WireGuard tells of all peers or of none, so a big network is read less often. */
const READ_EVERY_IF_BIG = 2_000;
const READ_AGAIN = 50;
const READ_AGAIN_IF_BIG = 500;
const BIG = 500;
/** A revoked peer is gone by then, whether it was told or not. */
const TOLD_WITHIN = 50;
/** A redeemed peer has its address by then, whether the answer is known to be through or not. */
const ANSWERED_WITHIN = 2_000;

export type FollowerParts = {
  live: Live;
  device: Device;
  observations: Observations;
  /** Resolves when a revoked peer has been told. */
  told: (id: PeerId) => Promise<void>;
  /** The network's root block. */
  network: Cidr;
  /** The device's own keys and port, which a comparison repairs too. */
  own: Omit<DeviceConfig, 'peers'>;
  report: (trouble: string, error: unknown) => void;
};

/** A key that keeps its address a little longer than the log says. */
type Hold = { config: PeerConfig; until: 'told' | 'answered'; timer: NodeJS.Timeout };

export class DeviceFollower implements Redemptions {
  readonly #parts: FollowerParts;
  readonly #turns = new Turns();
  readonly #holds = new Map<PeerId, Hold>();
  #waiting: DeviceStep[] = [];
  readonly #unsubscribe: () => void;
  readonly #comparing: NodeJS.Timeout;
  #reading: NodeJS.Timeout | undefined;
  /** By the monotonic clock. */
  #lastRead = Number.NEGATIVE_INFINITY;
  /** A change did not get through: the next look is a whole comparison. */
  #isDirty = false;
  #state: DeviceState | undefined;
  #isClosed = false;

  private constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#unsubscribe = parts.live.subscribe((step) => this.#onStep(step));
    this.#comparing = setInterval(() => void this.#tryToCompare(), COMPARE_EVERY);
  }

  /** Brings the device level with the log, then keeps it so. Throws the device's `Failure`. */
  static async start(parts: FollowerParts): Promise<DeviceFollower> {
    const follower = new DeviceFollower(parts);
    try {
      await follower.compare();
      follower.#readIn(READ_EVERY);
      return follower;
    } catch (error) {
      await follower.close();
      throw error;
    }
  }

  /** The whole comparison: what somebody else changed on the device is repaired. Throws the device's `Failure`. */
  compare(): Promise<void> {
    return this.#turns.take(async () => {
      const { device, network, own } = this.#parts;
      const has = await this.#read();
      const wants = { ...own, peers: this.#wanted(has) };
      const { steps, heldBack } = plan(has, wants, { network, now: Date.now() });
      await device.apply(steps);
      this.#isDirty = false;
      if (heldBack.length > 0) {
        const error = new Error(heldBack.map(({ allowedIp }) => allowedIp).join(', '));
        this.#parts.report('addresses outside the network are not routed', error);
      }
    });
  }

  /** The device as it was read last, some seconds ago at most. */
  get lastRead(): DeviceState | undefined {
    return this.#state;
  }

  /** Resolves when the device knows the key that a peer has redeemed its invitation with. */
  prepared(_id: PeerId): Promise<void> {
    return this.#turns.take(async () => {});
  }

  /** The answer to a redeem is through: the address moves to the new key. */
  answered(id: PeerId): void {
    if (this.#holds.get(id)?.until === 'answered') this.#release(id);
  }

  heldKey(id: PeerId): PublicKey | undefined {
    const hold = this.#holds.get(id);
    return hold?.until === 'answered' ? hold.config.publicKey : undefined;
  }

  /** Leaves the device as the log has it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    clearInterval(this.#comparing);
    clearTimeout(this.#reading);
    for (const id of this.#holds.keys()) this.#release(id);
    await this.#turns.take(async () => {});
  }

  #onStep({ changes }: Step): void {
    for (const [id, change] of changes.peers) this.#onChange(id, change);
  }

  #onChange(id: PeerId, { before, after }: Change<Peer>): void {
    const had = configsOf(before, this.#holds.get(id)?.config);
    this.#hold(id, before, after);
    this.#apply(deltaBetween(had, configsOf(after, this.#holds.get(id)?.config)));
    if (before && !after) this.#parts.observations.forget(id);
  }

  /** Starts, keeps or drops the hold that a peer is under. */
  #hold(id: PeerId, before: Peer | undefined, after: Peer | undefined): void {
    const hold = holdAfter(before, after);
    const current = this.#holds.get(id);
    if (!hold && current && current.config.publicKey !== after?.publicKey && isOnDevice(after)) return;
    if (current) clearTimeout(current.timer);
    this.#holds.delete(id);
    if (!hold) return;
    const wait = hold.until === 'told' ? TOLD_WITHIN : ANSWERED_WITHIN;
    const timer = setTimeout(() => this.#release(id), wait);
    const entry = { ...hold, timer };
    this.#holds.set(id, entry);
    if (hold.until === 'answered') this.#readIn(0);
    else void this.#releaseWhenTold(id, entry);
  }

  async #releaseWhenTold(id: PeerId, hold: Hold): Promise<void> {
    await Promise.resolve(); // whoever tells may hear of the commit after us
    await this.#parts.told(id);
    if (this.#holds.get(id) === hold) this.#release(id);
  }

  #release(id: PeerId): void {
    const hold = this.#holds.get(id);
    if (!hold) return;
    clearTimeout(hold.timer);
    const peer = this.#parts.live.network.peer(id);
    const had = configsOf(peer, hold.config);
    this.#holds.delete(id);
    this.#apply(deltaBetween(had, configsOf(peer, undefined)));
  }

  #apply(delta: PeerDelta): void {
    if (delta.removed.length === 0 && delta.changed.length === 0) return;
    const { steps, heldBack } = stepsForDelta(delta, this.#parts.network);
    if (heldBack.length > 0) this.#isDirty = true;
    this.#waiting.push(...steps);
    // What comes while the device is busy goes to it as one operation.
    void this.#turns.take(() => this.#flush());
  }

  async #flush(): Promise<void> {
    const steps = this.#waiting.splice(0);
    if (steps.length === 0) return;
    try {
      await this.#parts.device.apply(steps);
    } catch (error) {
      this.#isDirty = true;
      this.#parts.report('a change did not get to the WireGuard device', error);
    }
  }

  /** All entries that the device should have. An endpoint is named only where the device knows none. */
  *#wanted(has: DeviceState): Generator<PeerConfig> {
    const { live, observations } = this.#parts;
    const seen = new Set<PeerId>();
    for (const peer of live.network.peers()) {
      seen.add(peer.id);
      for (const config of configsOf(peer, this.#holds.get(peer.id)?.config)) {
        const endpoint = observations.of(peer.id).endpoint;
        const isNews = endpoint !== null && has.peers.get(config.publicKey)?.endpoint === undefined;
        yield isNews ? { ...config, endpoint } : config;
      }
    }
    for (const [id, { config }] of this.#holds) if (!seen.has(id)) yield config;
  }

  get #isBig(): boolean {
    return this.#parts.live.network.peerCount > BIG;
  }

  /** Makes sure of a look at the device within that time, or as soon as one may be taken. */
  #readIn(milliseconds: number): void {
    if (this.#isClosed) return;
    const rest = this.#isBig ? READ_AGAIN_IF_BIG : 0;
    const wait = Math.max(milliseconds, this.#lastRead + rest - performance.now());
    clearTimeout(this.#reading);
    this.#reading = setTimeout(() => void this.#look(), wait);
  }

  async #look(): Promise<void> {
    if (this.#isDirty) await this.#tryToCompare();
    else await this.#turns.take(() => this.#read()).catch(() => undefined); // the comparison says what is wrong
    const waiting = [...this.#holds.values()].some(({ until }) => until === 'answered');
    const [again, every] = this.#isBig ? [READ_AGAIN_IF_BIG, READ_EVERY_IF_BIG] : [READ_AGAIN, READ_EVERY];
    this.#readIn(waiting ? again : every);
  }

  async #tryToCompare(): Promise<void> {
    try {
      await this.compare();
    } catch (error) {
      this.#isDirty = true;
      this.#parts.report('the WireGuard device cannot be compared with the log', error);
    }
  }

  async #read(): Promise<DeviceState> {
    this.#lastRead = performance.now();
    const state = await this.#parts.device.read();
    this.#state = state;
    const holders = new Map([...this.#holds].map(([id, { config }]) => [config.publicKey, id]));
    for (const { publicKey, endpoint, latestHandshake } of state.peers.values()) {
      if (latestHandshake === undefined) continue;
      const id = this.#parts.live.network.peerWithKey(publicKey)?.id ?? holders.get(publicKey);
      if (id === undefined) continue;
      this.#parts.observations.see(id, endpoint ?? null, latestHandshake);
      this.#onHandshake(id, publicKey);
    }
    return state;
  }

  /** A handshake of the new key tells as well that the answer to the redeem got through. */
  #onHandshake(id: PeerId, key: PublicKey): void {
    const hold = this.#holds.get(id);
    if (hold?.until === 'answered' && hold.config.publicKey !== key) this.#release(id);
  }
}
