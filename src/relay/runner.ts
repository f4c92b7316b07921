/** Carries out what the relay decides: packets by its port, ways by the kernel where that can, the file for restarts. */
import type { SocketAddress } from '../values/endpoint.ts';
import type { PeerId } from '../values/id.ts';
import type { Effect, Relay } from './relay.ts';
import { RelayFile } from './relay-file.ts';
import { RelayPort } from './relay-port.ts';
import type { Way } from './told-ways.ts';

const LOOK_EVERY_MS = 1_000;

/** Passes data by itself what it was told of; the rest comes up to the port. */
export interface Kernel {
  open(way: Way, forMs: number): void;
  close(way: Way): void;
  /** Only packets from there are worth a look: IPv4 hosts, and the /64 of IPv6 ones. */
  admit(sites: ReadonlySet<string>): void;
}

export type RunnerOptions = {
  relay: Relay;
  port: number;
  file: string;
  kernel?: Kernel | undefined;
  /** A mailbox opened or closed. */
  onMailbox: (peer: PeerId, isOpen: boolean) => void;
  /** See the effect. */
  onClaim: () => void;
};

export class RelayRunner {
  readonly #options: RunnerOptions;
  readonly #file: RelayFile;
  #port: RelayPort | undefined;
  #looking: NodeJS.Timeout | undefined;

  private constructor(options: RunnerOptions) {
    this.#options = options;
    this.#file = new RelayFile(options.file, options.relay);
  }

  /** Goes on where an earlier run ended. Throws a `Failure` if the port is taken. */
  static async open(options: RunnerOptions): Promise<RelayRunner> {
    const runner = new RelayRunner(options);
    runner.#port = await RelayPort.open(options.port, (packet, from) => runner.#receive(packet, from));
    runner.carryOut(runner.#file.restore());
    runner.#looking = setInterval(() => runner.#look(), LOOK_EVERY_MS);
    return runner;
  }

  get port(): number {
    return this.#options.port;
  }

  carryOut(effects: readonly Effect[]): void {
    let changed = false;
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#port?.send(effect.packet, effect.to);
          continue;
        case 'open':
          this.#options.kernel?.open(effect.way, effect.forMs);
          break;
        case 'close':
          this.#options.kernel?.close(effect.way);
          break;
        case 'mailbox':
          this.#options.onMailbox(effect.peer, effect.isOpen);
          break;
        case 'claim':
          this.#options.onClaim();
          break;
      }
      changed = true;
    }
    if (changed) this.#changed();
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    this.#port?.close();
    await this.#file.write();
  }

  #receive(packet: Uint8Array, from: SocketAddress): void {
    this.carryOut(this.#options.relay.receive(packet, from, performance.now()));
  }

  #look(): void {
    this.carryOut(this.#options.relay.expire(performance.now()));
    this.#options.kernel?.admit(this.#options.relay.sites());
  }

  #changed(): void {
    this.#file.change();
    this.#options.kernel?.admit(this.#options.relay.sites());
  }
}
