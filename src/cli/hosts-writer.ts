/** Writes the names of a network's peers into the hosts file a moment after they changed, many changes at once. */
import type { InterfaceName } from '../values/name.ts';
import { hostLines, type NamedAddress, writeHosts } from './hosts-file.ts';
import type { HostsOptions } from './options.ts';

export class HostsWriter {
  readonly #network: InterfaceName;
  readonly #options: HostsOptions;
  readonly #peers: () => Iterable<NamedAddress>;
  readonly #onTrouble: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;

  /** `peers` tells whose names belong there, whenever they are written. */
  constructor(
    network: InterfaceName,
    options: HostsOptions,
    peers: () => Iterable<NamedAddress>,
    onTrouble: (error: Error) => void,
  ) {
    this.#network = network;
    this.#options = options;
    this.#peers = peers;
    this.#onTrouble = onTrouble;
  }

  /** Writes after `gather` milliseconds, unless that is about to happen anyway. */
  soon(gather: number): void {
    this.#timer ??= setTimeout(() => void this.write(), gather);
  }

  /** Writes now; trouble is told, not thrown. */
  async write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { writeHosts: isWanted, hostsPath, hostSuffix } = this.#options;
    if (!isWanted) return;
    const lines = hostLines(this.#peers(), hostSuffix ?? `${this.#network}.wg`);
    await writeHosts(hostsPath, this.#network, lines).catch(this.#onTrouble);
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    if (this.#timer) await this.write();
  }
}
