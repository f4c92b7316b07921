/** Keeps the names of peers in the server machine's own hosts file, in step with the log. */
import { hostLines, writeHosts } from '../cli/hosts-file.ts';
import type { HostsOptions } from '../cli/options.ts';
import { appears } from '../domain/visibility.ts';
import type { InterfaceName } from '../values/name.ts';
import type { Live } from './live.ts';

/** Changes are gathered this long before the file is written, in milliseconds. */
const GATHER = 200;

export class HostsFollower {
  readonly #live: Live;
  readonly #network: InterfaceName;
  readonly #options: HostsOptions;
  readonly #report: (trouble: string, error: unknown) => void;
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    live: Live,
    network: InterfaceName,
    options: HostsOptions,
    report: (trouble: string, error: unknown) => void,
  ) {
    this.#live = live;
    this.#network = network;
    this.#options = options;
    this.#report = report;
    this.#unsubscribe = live.subscribe(({ changes }) => {
      if (changes.peers.size > 0) this.#writeSoon();
    });
    this.#writeSoon();
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    this.#unsubscribe();
    if (this.#timer) await this.#write();
  }

  #writeSoon(): void {
    if (this.#options.writeHosts) this.#timer ??= setTimeout(() => void this.#write(), GATHER);
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { hostsPath, hostSuffix } = this.#options;
    const lines = hostLines(
      [...this.#live.network.peers()].filter(appears),
      hostSuffix ?? `${this.#network}.wg`,
    );
    await writeHosts(hostsPath, this.#network, lines).catch((error: unknown) =>
      this.#report('names of peers are not in the hosts file', error),
    );
  }
}
