/** Keeps peers from what lies behind the server. */
import { tableName } from '../../filter/filter-table.ts';
import { forwards } from '../../filter/forwarding.ts';
import { KeptTable, removeTable } from '../../filter/kept-table.ts';
import { nothingThrough } from '../../filter/through.ts';
import type { InterfaceName } from '../../values/name.ts';

export class NoPassage {
  readonly #device: InterfaceName;
  readonly #say: (message: string) => void;
  readonly #table: KeptTable;
  /** How often another program had removed or changed the table. */
  restored = 0;

  private constructor(device: InterfaceName, say: (message: string) => void) {
    this.#device = device;
    this.#say = say;
    this.#table = new KeptTable({
      network: device,
      wanted: async () => ({
        name: tableName(device),
        chains: [nothingThrough(device, await forwards(device))],
      }),
      onRestored: () => this.#onRestored(),
      onTrouble: ({ message }) =>
        say(`warning: ${message}: where this machine forwards, peers of ${device} reach what lies behind it`),
    });
  }

  /** Without nft, warns once and goes on. */
  static async start(device: InterfaceName, say: (message: string) => void): Promise<NoPassage> {
    const passage = new NoPassage(device, say);
    await passage.#table.keep().catch(() => {});
    return passage;
  }

  /** The table stays, as the tunnels do. */
  close(): Promise<void> {
    return this.#table.close();
  }

  #onRestored(): void {
    this.restored += 1;
    this.#say(`nftables' table ${tableName(this.#device)} was changed: it is made again`);
  }
}

/** Removes our table where the operator lets packets pass; false without one. */
export const letThrough = (device: InterfaceName): Promise<boolean> => removeTable(device);
