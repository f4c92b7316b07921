/** Keeps the names of a network's peers in the hosts file: after each change, and checked once a minute. */
import type { InterfaceName } from '../values/name.ts';
import { hostLines, type NamedAddress, writeHosts } from './hosts-file.ts';
import type { HostsOptions } from './options.ts';

/** Another program may have restored its old content. */
const LOOK_EVERY_MS = 60_000;

export class HostsWriter {
  readonly #network: InterfaceName;
  readonly #options: HostsOptions;
  readonly #peers: () => Iterable<NamedAddress>;
  readonly #onTrouble: (error: Error) => void;
  readonly #lock: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #trouble: string | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `onTrouble` hears the same trouble once. */
  constructor(
    network: InterfaceName,
    options: HostsOptions,
    peers: () => Iterable<NamedAddress>,
    onTrouble: (error: Error) => void,
    lock?: string,
  ) {
    this.#network = network;
    this.#options = options;
    this.#peers = peers;
    this.#onTrouble = onTrouble;
    this.#lock = lock;
  }

  /** Writes after `gather` milliseconds, unless a write is due; starts the checks. */
  soon(gather: number): void {
    this.#timer ??= setTimeout(() => void this.write(), gather);
    this.#look ??= setInterval(() => void this.write(), LOOK_EVERY_MS);
  }

  /** Writes now, after any running write; reports errors, never throws. */
  write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  get idle(): Promise<void> {
    return this.#writing;
  }

  close(): Promise<void> {
    clearInterval(this.#look);
    return this.write();
  }

  async #write(): Promise<void> {
    const { writeHosts: isWanted, hostsPath, hostSuffix } = this.#options;
    if (!isWanted) return;
    const lines = () => hostLines(this.#peers(), hostSuffix ?? `${this.#network}.wg`);
    const trouble = await writeHosts(hostsPath, this.#network, lines, this.#lock).then(
      () => undefined,
      (error: Error) => error,
    );
    if (trouble && trouble.message !== this.#trouble) this.#onTrouble(trouble);
    this.#trouble = trouble?.message;
  }
}
