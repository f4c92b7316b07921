/** Keeps peers from what lies behind the server: what comes out of the network's device is for this machine alone. */
import { nothingThrough, tableName } from '../../filter/filter-table.ts';
import { forwards } from '../../filter/forwarding.ts';
import { KeptTable, removeTable } from '../../filter/kept-table.ts';
import type { InterfaceName } from '../../values/name.ts';

/** Somebody's `nft flush ruleset` is mended after this, in milliseconds. */
const LOOK_EVERY = 60_000;

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

  /** Goes on also where there is no nft, and says so once. */
  static async start(device: InterfaceName, say: (message: string) => void): Promise<NoPassage> {
    const passage = new NoPassage(device, say);
    await passage.look();
    passage.#looking = setInterval(() => void passage.look(), LOOK_EVERY);
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

/** What the operator has said is to be let through: nothing of ours is in the way. */
export const letThrough = (device: InterfaceName): Promise<boolean> => removeTable(device);
