/** A relay's place on this machine: keeps its port open, moves it, tries again where it cannot, and ends it. */
import type { Passed } from '../filter/relay-table.ts';
import type { PeerId } from '../values/id.ts';
import type { KernelWays } from './kernel-ways.ts';
import type { RelayPeer } from './members.ts';
import { Relay } from './relay.ts';
import { RelayRunner } from './runner.ts';

const TRY_AGAIN_MS = 60_000;

/** Whom the relay serves. */
export interface Clientele {
  peers(): Iterable<RelayPeer>;
  sees(left: PeerId, right: PeerId): boolean;
}

export type StationOptions = {
  clientele: Clientele;
  /** Undefined: the program passes all packets. */
  kernelAt: (port: number) => Promise<KernelWays | undefined>;
  /** Takes back what the kernel was told. */
  forgetKernel: () => Promise<unknown>;
  file: string;
  onMailbox: (peer: PeerId, isOpen: boolean) => void;
  onClaim: () => void;
  /** The port is open. */
  onOpen?: (() => void) | undefined;
  /** Said once for each reason. */
  onTrouble: (error: Error) => void;
};

type Running = { relay: Relay; runner: RelayRunner; kernel: KernelWays | undefined };

export class Station {
  readonly #options: StationOptions;
  #running: Running | undefined;
  #port: number | undefined;
  #turns: Promise<void> = Promise.resolve();
  #trouble = '';
  #trying: NodeJS.Timeout | undefined;

  constructor(options: StationOptions) {
    this.#options = options;
  }

  /** As wanted; undefined: it is no relay. */
  get port(): number | undefined {
    return this.#port;
  }

  get isOpen(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when that is done, or cannot be done now: a port that is taken is a warning. */
  turnTo(port: number | undefined): Promise<void> {
    this.#port = port;
    const before = this.#running;
    this.#running = undefined;
    if (before) before.runner.carryOut(before.relay.setPeers([], () => false, performance.now()));
    this.#turns = this.#turns
      .then(() => before?.kernel?.leave())
      .then(() => before?.runner.close())
      .then(() => (port === undefined ? this.#options.forgetKernel() : undefined))
      .then(() => (port === undefined || port !== this.#port ? undefined : this.#open(port)))
      .catch((error: unknown) => this.#fail(port, error as Error));
    return this.#turns;
  }

  /** The clientele has changed: what it ends is over with this call. */
  level(): void {
    if (!this.#running) return;
    const { relay, runner } = this.#running;
    const { clientele } = this.#options;
    const sees = (left: PeerId, right: PeerId): boolean => clientele.sees(left, right);
    runner.carryOut(relay.setPeers(clientele.peers(), sees, performance.now()));
  }

  /** A peer is heard elsewhere now. */
  place(id: PeerId, place: Pick<RelayPeer, 'host' | 'openAt'>): void {
    if (!this.#running) return;
    const { relay, runner } = this.#running;
    runner.carryOut(relay.setPlace(id, place, performance.now()));
  }

  indicesOf(peer: PeerId, other: PeerId): { own: number; others: number } | undefined {
    return this.#running?.relay.indicesOf(peer, other);
  }

  /** Whose mailbox is open. */
  get openPeers(): PeerId[] {
    return this.#running?.relay.openPeers(performance.now()) ?? [];
  }

  /** Undefined: it is no relay, or cannot be one now. */
  get counts(): (Relay['counts'] & { byKernel: Passed | undefined }) | undefined {
    if (!this.#running) return undefined;
    const { relay, kernel } = this.#running;
    return { ...relay.counts, byKernel: kernel?.passed };
  }

  /** What the kernel has goes on, as the tunnels do. */
  async close(): Promise<void> {
    clearTimeout(this.#trying);
    await this.#turns;
    await this.#running?.kernel?.leave();
    await this.#running?.runner.close();
  }

  #fail(port: number | undefined, error: Error): void {
    if (this.#trouble !== error.message) this.#options.onTrouble(error);
    this.#trouble = error.message;
    this.#trying = setTimeout(() => {
      if (port === this.#port && !this.#running) void this.turnTo(port);
    }, TRY_AGAIN_MS).unref();
  }

  async #open(port: number): Promise<void> {
    const { clientele, kernelAt, file, onMailbox, onClaim } = this.#options;
    const relay = new Relay();
    const kernel = await kernelAt(port);
    relay.setPeers(clientele.peers(), (left, right) => clientele.sees(left, right), performance.now());
    const runner = await RelayRunner.open({ relay, port, file, kernel, onMailbox, onClaim }).catch(
      async (error: unknown) => {
        await kernel?.leave();
        throw error;
      },
    );
    this.#running = { relay, runner, kernel };
    this.#trouble = '';
    this.#options.onOpen?.();
    // More may have changed meanwhile.
    if (port === this.#port) this.level();
    else void this.turnTo(this.#port);
  }
}
