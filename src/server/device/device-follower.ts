/**
 * Keeps the server's own WireGuard device equal to the log, commit by commit and without reading it, and compares
 * it as a whole now and then; what it reads tells where peers are seen.
 */
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
import type { Observations } from '../observations/observations.ts';
import type { LingeringKeys } from '../sessions/lingering-keys.ts';
import type { PeerDevice } from '../sessions/sessions.ts';

/** All in milliseconds. */
const COMPARE_EVERY = 60_000;
const READ_EVERY = 1_000;
/** WireGuard tells of all peers or of none, so a big network is read less often. */
const READ_EVERY_IF_BIG = 2_000;
const READ_AGAIN = 50;
const READ_AGAIN_IF_BIG = 500;
const BIG = 500;
export type FollowerParts = {
  live: Live;
  device: Device;
  observations: Observations;
  lingering: LingeringKeys;
  /** The network's root block. */
  network: Cidr;
  /** The device's own keys and port, which a comparison repairs too. */
  own: Omit<DeviceConfig, 'peers'>;
  report: (trouble: string, error: unknown) => void;
};

export class DeviceFollower implements PeerDevice {
  readonly #parts: FollowerParts;
  readonly #turns = new Turns();
  #waiting: DeviceStep[] = [];
  onHandshake: (id: PeerId, key: PublicKey) => void = () => {};
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

  /** Resolves when the device has all that was applied before. */
  settled(): Promise<void> {
    return this.#turns.take(async () => {});
  }

  /** Leaves the device as the log has it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#comparing);
    clearTimeout(this.#reading);
    await this.#turns.take(async () => {});
  }

  /** Changes some peers, without reading the device. */
  apply(delta: PeerDelta): void {
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
    const { live, observations, lingering } = this.#parts;
    for (const [id, config] of lingering.all(live.network)) {
      const { endpoint } = observations.of(id);
      const isNews = endpoint !== null && has.peers.get(config.publicKey)?.endpoint === undefined;
      yield isNews ? { ...config, endpoint } : config;
    }
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
    const [again, every] = this.#isBig ? [READ_AGAIN_IF_BIG, READ_EVERY_IF_BIG] : [READ_AGAIN, READ_EVERY];
    this.#readIn(this.#parts.lingering.isAwaitingAnswer ? again : every);
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
    const { live, lingering, observations } = this.#parts;
    for (const { publicKey, endpoint, latestHandshake } of state.peers.values()) {
      if (latestHandshake === undefined) continue;
      const id = lingering.ownerOf(live.network, publicKey);
      if (id === undefined) continue;
      observations.see(id, endpoint ?? null, latestHandshake);
      this.onHandshake(id, publicKey);
    }
    return state;
  }
}
