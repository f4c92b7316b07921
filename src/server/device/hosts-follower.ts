/** Keeps peer names in the server machine's hosts file. */
import { HostsWriter } from '../../cli/hosts-writer.ts';
import type { HostsOptions } from '../../cli/options.ts';
import { appears } from '../../domain/visibility.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { Live } from '../live/live.ts';

const GATHER_MS = 200;

export class HostsFollower {
  readonly #writer: HostsWriter;
  readonly #unsubscribe: () => void;

  constructor(
    live: Live,
    network: InterfaceName,
    options: HostsOptions,
    report: (trouble: string, error: unknown) => void,
  ) {
    this.#writer = new HostsWriter(
      network,
      options,
      () => [...live.network.peers()].filter(appears),
      (error) => report('names of peers are not in the hosts file', error),
    );
    this.#unsubscribe = live.subscribe(({ changes }) => {
      if (changes.peers.size > 0) this.#writer.soon(GATHER_MS);
    });
    this.#writer.soon(GATHER_MS);
  }

  close(): Promise<void> {
    this.#unsubscribe();
    return this.#writer.close();
  }
}
