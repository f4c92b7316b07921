/** Keeps one WireGuard device as it is wanted: changes go to it unread and at once, and all is compared now and then. */
import { type Device, type DeviceState, type Step, Turns } from './device.ts';

const COMPARE_EVERY_MS = 60_000;
/** WireGuard tells of all peers or of none: a device with more peers is read twice a second at most. */
const MANY_PEERS = 500;
const READ_PAUSE_IF_MANY_MS = 500;

export type OpenedDevice = { device: Device; state: DeviceState };

/** What a device should be: from readings to steps. All of it runs in the reconciler's turns, never two at once. */
export type Wanted = {
  /** The device and its state, for a comparison; made again where it is gone. Throws a `Failure`. */
  open: () => Promise<OpenedDevice>;
  /** Hears each reading first; resolves to the state as it should be understood. */
  onRead: (state: DeviceState) => DeviceState;
  /** All steps from the state to the wanted one. */
  stepsToWanted: (state: DeviceState) => Step[];
  /** What a look at the device calls for. */
  stepsAfterLook: (state: DeviceState) => Step[];
  /** When to look next, in milliseconds of the monotonic clock; Infinity: the comparison is soon enough. */
  nextLookAt: (lastReadAt: number) => number;
  peerCount: () => number;
  /** Milliseconds until the comparison that repairs what did not get through. */
  repairAfterMs: number;
  /** The device is as wanted. */
  onCompared?: () => void;
  onTrouble: (trouble: 'change' | 'comparison', error: Error) => void;
};

export class Reconciler {
  readonly #wanted: Wanted;
  readonly #turns = new Turns();
  #device: Device;
  #state: DeviceState | undefined;
  #changes: (() => Step[])[] = [];
  #lastReadAt = Number.NEGATIVE_INFINITY;
  /** Set by the first comparison. */
  #compareAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(device: Device, wanted: Wanted) {
    this.#device = device;
    this.#wanted = wanted;
  }

  get device(): Device {
    return this.#device;
  }

  /** The last reading. */
  get state(): DeviceState | undefined {
    return this.#state;
  }

  /** Compares everything and repairs it, from now on now and then. Throws the device's `Failure`. */
  compare(opened?: OpenedDevice): Promise<void> {
    return this.#turns.take(() => this.#compare(opened));
  }

  /** Compares in so many milliseconds at the latest: something is wrong with the device. */
  compareIn(milliseconds: number): void {
    this.#compareAt = Math.min(this.#compareAt, performance.now() + milliseconds);
    this.#arm();
  }

  /**
   * Steps that are computed in the reconciler's turn, with others that wait, and go to the device as one operation.
   * Resolves when they are done, or will be repaired.
   */
  change(steps: () => Step[]): Promise<void> {
    this.#changes.push(steps);
    return this.#turns.take(async () => {
      const changes = this.#changes.splice(0);
      if (changes.length > 0) await this.#apply(changes.flatMap((make) => make()));
    });
  }

  /** Reads the device now. */
  async read(): Promise<DeviceState> {
    return this.#heard(await this.#device.read());
  }

  look(): Promise<void> {
    return this.#turns.take(() => this.#look());
  }

  /** Works on the device between the other turns; throws what the task throws. */
  take<T>(task: (device: Device) => Promise<T>): Promise<T> {
    return this.#turns.take(() => task(this.#device));
  }

  /** Ends with these steps and leaves the device as it is. */
  async close(steps: () => Step[] = () => []): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#turns.take(() => this.#device.apply(steps()).catch(() => {}));
  }

  async #compare(opened?: OpenedDevice): Promise<void> {
    const { device, state } = opened ?? (await this.#wanted.open());
    this.#device = device;
    await device.apply(this.#wanted.stepsToWanted(this.#heard(state)));
    this.#compareAt = performance.now() + COMPARE_EVERY_MS;
    this.#arm();
    this.#wanted.onCompared?.();
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    const state = await this.read().catch(() => undefined);
    if (state) await this.#apply(this.#wanted.stepsAfterLook(state));
    else this.compareIn(this.#wanted.repairAfterMs);
  }

  async #apply(steps: readonly Step[]): Promise<void> {
    try {
      if (steps.length > 0) await this.#device.apply(steps);
      this.#arm();
    } catch (error) {
      this.#wanted.onTrouble('change', error as Error);
      this.compareIn(this.#wanted.repairAfterMs);
    }
  }

  #heard(state: DeviceState): DeviceState {
    this.#lastReadAt = performance.now();
    this.#state = this.#wanted.onRead(state);
    return this.#state;
  }

  get #lookAt(): number {
    const pause = this.#wanted.peerCount() > MANY_PEERS ? READ_PAUSE_IF_MANY_MS : 0;
    return Math.max(this.#wanted.nextLookAt(this.#lastReadAt), this.#lastReadAt + pause);
  }

  #arm(): void {
    const at = Math.min(this.#compareAt, this.#lookAt);
    if (this.#isClosed || at === Number.POSITIVE_INFINITY) return;
    clearTimeout(this.#timer);
    const wait = Math.max(0, Math.ceil(at - performance.now()));
    this.#timer = setTimeout(() => void this.#turns.take(() => this.#onTimer()), wait);
  }

  async #onTimer(): Promise<void> {
    if (this.#isClosed) return;
    if (performance.now() >= this.#compareAt) return this.#compareOrRetry();
    if (performance.now() >= this.#lookAt) return this.#look();
    this.#arm();
  }

  async #compareOrRetry(): Promise<void> {
    try {
      await this.#compare();
    } catch (error) {
      this.#wanted.onTrouble('comparison', error as Error);
      this.#compareAt = performance.now() + this.#wanted.repairAfterMs;
      this.#arm();
    }
  }
}
