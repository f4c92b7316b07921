/** Keeps peers from what lies behind the server. */
import { nothingThrough, tableName } from '../../filter/filter-table.ts';
import { forwards } from '../../filter/forwarding.ts';
import { KeptTable, removeTable } from '../../filter/kept-table.ts';
import type { InterfaceName } from '../../values/name.ts';

/** Repairs a foreign `nft flush ruleset`. */
const LOOK_EVERY_MS = 60_000;

export class NoPassage {
  readonly #device: InterfaceName;
  readonly #say: (message: string) => void;
  readonly #table = new KeptTable();
  #looking: NodeJS.Timeout | undefined;
  #trouble = '';
  #isMade = false;

  private constructor(device: InterfaceName, say: (message: string) => void) {
    this.#device = device;
    this.#say = say;
  }

  /** Without nft, warns once and goes on. */
  static async start(device: InterfaceName, say: (message: string) => void): Promise<NoPassage> {
    const passage = new NoPassage(device, say);
    await passage.look();
    passage.#looking = setInterval(() => void passage.look(), LOOK_EVERY_MS);
    return passage;
  }

  async look(): Promise<void> {
    try {
      const chain = nothingThrough(this.#device, await forwards(this.#device));
      const isNew = await this.#table.keep({ name: tableName(this.#device), chains: [chain] });
      if (isNew && this.#isMade)
        this.#say(`nftables' table ${tableName(this.#device)} was changed: it is made again`);
      this.#isMade = true;
      this.#trouble = '';
    } catch (error) {
      const trouble = (error as Error).message;
      if (trouble !== this.#trouble)
        this.#say(
          `warning: ${trouble}: where this machine forwards, peers of ${this.#device} reach what lies behind it`,
        );
      this.#trouble = trouble;
    }
  }

  /** The table stays, as the tunnels do. */
  close(): void {
    clearInterval(this.#looking);
  }
}

/** Removes our table where the operator lets packets pass; false without one. */
export const letThrough = (device: InterfaceName): Promise<boolean> => removeTable(device);
