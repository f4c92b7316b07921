/** Keeps the rules for changes of way in nftables while they are needed, for a second or two. */

import { Turns } from '../machine/turns.ts';
import type { InterfaceName } from '../values/name.ts';
import { sure } from '../wireguard/program.ts';
import { scriptOf } from './filter-table.ts';
import { listTable } from './kept-table.ts';
import { canSwap, type Swap, swapTable, swapTableName } from './swap-rules.ts';

const STAYS_MS = 1500;

/** Removes what a program that was killed left behind. */
export const removeSwapTable = async (network: InterfaceName): Promise<void> => {
  const listing = await listTable(swapTableName(network)).catch(() => undefined);
  if (listing !== undefined) await sure('nft', ['-f', '-'], scriptOf(swapTable(network, [])));
};

export class SwapTable {
  readonly #network: InterfaceName;
  readonly #turns = new Turns();
  readonly #swaps = new Map<Swap, NodeJS.Timeout>();

  constructor(network: InterfaceName) {
    this.#network = network;
  }

  /** Resolves when the rule stands; false where there is no nftables. */
  async add(swap: Swap): Promise<boolean> {
    if (!canSwap(swap)) return false;
    const end = setTimeout(() => void this.#remove(swap), STAYS_MS);
    this.#swaps.set(swap, end);
    const stands = await this.#put();
    if (!stands) this.#forget(swap);
    return stands;
  }

  async close(): Promise<void> {
    if (this.#swaps.size === 0) return;
    for (const swap of [...this.#swaps.keys()]) this.#forget(swap);
    await this.#put();
  }

  async #remove(swap: Swap): Promise<void> {
    this.#forget(swap);
    await this.#put();
  }

  #forget(swap: Swap): void {
    clearTimeout(this.#swaps.get(swap));
    this.#swaps.delete(swap);
  }

  #put(): Promise<boolean> {
    return this.#turns.take(async () => {
      try {
        await sure('nft', ['-f', '-'], scriptOf(swapTable(this.#network, [...this.#swaps.keys()])));
        return true;
      } catch {
        return false;
      }
    });
  }
}
