/** Keeps one WireGuard device as wanted: changes at once, unread, and regular comparisons. */

import { Turns } from '../machine/turns.ts';
import type { Device, DeviceState, Step } from './device.ts';

const COMPARE_EVERY_MS = 60_000;
/** A reading has all peers: a larger device is read at most twice a second. */
const MANY_PEERS = 500;
const READ_PAUSE_IF_MANY_MS = 500;

export type OpenedDevice = { device: Device; state: DeviceState };

/** The wanted device: functions from readings to steps, never two at once. */
export type Wanted = {
  /** Opens the device for a comparison; makes a missing one. Throws a `Failure`. */
  open: () => Promise<OpenedDevice>;
  /** Gets each reading first; returns the state to use. */
  onRead: (state: DeviceState) => DeviceState;
  stepsToWanted: (state: DeviceState) => Step[];
  stepsAfterLook: (state: DeviceState) => Step[];
  /** What all steps are to have, whoever made them. */
  completed?: (steps: readonly Step[]) => Step[];
  /** On the monotonic clock, in milliseconds; Infinity: the comparison is enough. */
  nextLookAt: (lastReadAt: number) => number;
  peerCount: () => number;
  /** Delay of the comparison after a failed change. */
  repairAfterMs: number;
  onCompared?: () => void;
  onTrouble: (trouble: 'change' | 'comparison', error: Error) => void;
};

export class Reconciler {
  readonly #wanted: Wanted;
  readonly #turns = new Turns();
  #device: Device;
  #state: DeviceState | undefined;
  #changes: (() => Step[])[] = [];
  /** A device that cannot be read is not asked without a pause. */
  #noLookBefore = 0;
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

  get state(): DeviceState | undefined {
    return this.#state;
  }

  /** Compares and repairs, now and regularly from now on. Throws the device's `Failure`. */
  compare(opened?: OpenedDevice): Promise<void> {
    return this.#turns.take(() => this.#compare(opened));
  }

  /** Compares within this time, after trouble with the device. */
  compareIn(milliseconds: number): void {
    this.#compareAt = Math.min(this.#compareAt, performance.now() + milliseconds);
    this.#arm();
  }

  /**
   * Computes steps in the reconciler's turn and applies them with others that wait. Resolves when they are
   * applied or will be repaired.
   */
  change(steps: () => Step[]): Promise<void> {
    this.#changes.push(steps);
    return this.#turns.take(async () => {
      const changes = this.#changes.splice(0);
      if (changes.length > 0) await this.#apply(changes.flatMap((make) => make()));
    });
  }

  async read(): Promise<DeviceState> {
    return this.#heard(await this.#device.read());
  }

  look(): Promise<void> {
    return this.#turns.take(() => this.#look());
  }

  /** Works on the device between other turns; rethrows the task's error. */
  take<T>(task: (device: Device) => Promise<T>): Promise<T> {
    return this.#turns.take(() => task(this.#device));
  }

  /** Applies last steps and leaves the device up. */
  async close(steps: () => Step[] = () => []): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#turns.take(() => this.#device.apply(this.#completed(steps())).catch(() => {}));
  }

  #completed(steps: readonly Step[]): readonly Step[] {
    return this.#wanted.completed?.(steps) ?? steps;
  }

  async #compare(opened?: OpenedDevice): Promise<void> {
    const { device, state } = opened ?? (await this.#wanted.open());
    this.#device = device;
    await device.apply(this.#completed(this.#wanted.stepsToWanted(this.#heard(state))));
    this.#compareAt = performance.now() + COMPARE_EVERY_MS;
    this.#arm();
    this.#wanted.onCompared?.();
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    const state = await this.read().catch(() => undefined);
    if (state) return this.#apply(this.#wanted.stepsAfterLook(state));
    this.#noLookBefore = performance.now() + this.#wanted.repairAfterMs;
    this.compareIn(this.#wanted.repairAfterMs);
  }

  async #apply(steps: readonly Step[]): Promise<void> {
    try {
      if (steps.length > 0) await this.#device.apply(this.#completed(steps));
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
    const next = this.#wanted.nextLookAt(this.#lastReadAt);
    return Math.max(next, this.#lastReadAt + pause, this.#noLookBefore);
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
