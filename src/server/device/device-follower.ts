/** Keeps the server's WireGuard device equal to the log; reads observations from it. */
import type { PeerId } from '../../values/id.ts';
import type { Cidr } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Device, DeviceState, PeerConfig, Step } from '../../wireguard/device.ts';
import { type DeviceConfig, type PeerDelta, plan, stepsForDelta } from '../../wireguard/plan.ts';
import { Reconciler } from '../../wireguard/reconciler.ts';
import type { Live } from '../live/live.ts';
import type { Observations } from '../observations/observations.ts';
import { type LingeringKeys, questionPeer } from '../sessions/lingering-keys.ts';
import type { PeerDevice } from '../sessions/sessions.ts';
import { BATCH_EVERY_MS, FirstHandshakes } from './first-handshakes.ts';

/** The shortest while a new key should shake hands. */
const LOOK_EVERY_MS = 1_000;
const LOOK_EVERY_IF_BIG_MS = 2_000;
const BIG_NETWORK_PEERS = 500;
const LOOK_FOR_ANSWER_EVERY_MS = 50;
const REPAIR_AFTER_MS = 1_000;

export type DeviceFollowerOptions = {
  live: Live;
  device: Device;
  observations: Observations;
  lingering: LingeringKeys;
  /** The network's root block. */
  network: Cidr;
  /** The device's own keys and port, also repaired. */
  own: Omit<DeviceConfig, 'peers'>;
  report: (trouble: string, error: unknown) => void;
};

export class DeviceFollower implements PeerDevice {
  readonly #options: DeviceFollowerOptions;
  readonly #reconciler: Reconciler;
  #first: FirstHandshakes | undefined;
  #beginning: NodeJS.Timeout | undefined;
  onHandshake: (id: PeerId, key: PublicKey) => void = () => {};
  /** A peer has answered the first handshake, which this server began. */
  onMet: (id: PeerId) => void = () => {};

  private constructor(options: DeviceFollowerOptions) {
    const { live, device, report } = options;
    this.#options = options;
    this.#reconciler = new Reconciler(device, {
      open: async () => ({ device, state: await device.read() }),
      onRead: (state) => this.#observe(state),
      stepsToWanted: (state) => this.#stepsToWanted(state),
      stepsAfterLook: (state) => this.#stepsAfterLook(state),
      nextLookAt: (lastReadAt) => lastReadAt + this.#lookEvery,
      peerCount: () => live.network.peerCount,
      repairAfterMs: REPAIR_AFTER_MS,
      onTrouble: (trouble, error) =>
        trouble === 'change'
          ? report('a change did not get to the WireGuard device', error)
          : report('the WireGuard device cannot be compared with the log', error),
    });
  }

  /** Levels the device with the log, then begins the handshakes. Throws the device's `Failure`. */
  static async start(options: DeviceFollowerOptions): Promise<DeviceFollower> {
    const follower = new DeviceFollower(options);
    try {
      await follower.compare();
      follower.#begin();
      return follower;
    } catch (error) {
      await follower.close();
      throw error;
    }
  }

  /** Repairs foreign changes. Throws the device's `Failure`. */
  compare(): Promise<void> {
    return this.#reconciler.compare();
  }

  get lastRead(): DeviceState | undefined {
    return this.#reconciler.state;
  }

  /** Resolves when the device has all earlier changes. */
  settled(): Promise<void> {
    return this.#reconciler.take(async () => {});
  }

  close(): Promise<void> {
    clearInterval(this.#beginning);
    return this.#reconciler.close();
  }

  /** Does not read the device. */
  apply(delta: PeerDelta): void {
    if (delta.removed.length === 0 && delta.changed.length === 0) return;
    const { steps, heldBack } = stepsForDelta(delta, this.#options.network);
    void this.#reconciler.change(() => steps);
    if (heldBack.length > 0) this.#reconciler.compareIn(REPAIR_AFTER_MS);
  }

  #begin(): void {
    const { live, lingering } = this.#options;
    const isThere = (id: PeerId, key: PublicKey) => lingering.holds(live.network, id, key);
    this.#beginning = setInterval(() => {
      const first = this.#first;
      if (!first || first.isBegun) clearInterval(this.#beginning);
      else void this.#reconciler.change(() => first.next(performance.now(), isThere));
    }, BATCH_EVERY_MS);
  }

  #remembered(has: DeviceState): FirstHandshakes {
    const { live, lingering, observations } = this.#options;
    const peers = Array.from(lingering.all(live.network), ([id, { publicKey }]) => ({
      ...{ id, publicKey },
      endpoint: observations.of(id).endpoint,
    }));
    return new FirstHandshakes(peers, has, Date.now());
  }

  #stepsAfterLook(state: DeviceState): Step[] {
    const { met = [], steps = [] } = this.#first?.hear(state, performance.now()) ?? {};
    for (const id of met) this.onMet(id);
    return [...steps, ...this.#stepsAfterQuestion(state)];
  }

  /** WireGuard hears only what is later than what it heard last; who asks next may have a clock that is behind. */
  #stepsAfterQuestion({ peers }: DeviceState): Step[] {
    const { questionKey: publicKey } = this.#options.live.network;
    if (publicKey === null || (peers.get(publicKey)?.rxBytes ?? 0) === 0) return [];
    return [{ kind: 'recreate', publicKey, allowedIps: [] }];
  }

  #stepsToWanted(has: DeviceState): Step[] {
    const { network, own, report } = this.#options;
    this.#first ??= this.#remembered(has);
    const wants = { ...own, peers: this.#wanted(has) };
    const { steps, heldBack } = plan(has, wants, { network, now: Date.now() });
    const outside = heldBack.map(({ allowedIp }) => allowedIp).join(', ');
    if (outside !== '') report('addresses outside the network are not routed', new Error(outside));
    return steps;
  }

  /** An endpoint only where the device knows none. The question key's handshake is answered, and nothing else. */
  *#wanted(has: DeviceState): Generator<PeerConfig> {
    const { live, observations, lingering } = this.#options;
    for (const [id, config] of lingering.all(live.network)) {
      const { endpoint } = observations.of(id);
      const state = has.peers.get(config.publicKey);
      const isNews = endpoint !== null && state?.endpoint === undefined;
      const keepalive = this.#first?.keepaliveOf(config.publicKey, state);
      yield { ...config, ...(isNews ? { endpoint } : {}), ...(keepalive === undefined ? {} : { keepalive }) };
    }
    const { questionKey } = live.network;
    if (questionKey !== null) yield questionPeer(questionKey);
  }

  get #lookEvery(): number {
    const { live, lingering } = this.#options;
    if (lingering.isAwaitingAnswer || this.#first?.isQuick(performance.now()) === true)
      return LOOK_FOR_ANSWER_EVERY_MS;
    return live.network.peerCount > BIG_NETWORK_PEERS ? LOOK_EVERY_IF_BIG_MS : LOOK_EVERY_MS;
  }

  #observe(state: DeviceState): DeviceState {
    const { live, lingering, observations } = this.#options;
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
