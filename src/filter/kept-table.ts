/** Keeps one nftables table as wanted, by `nft list` and `nft -f -`, also when others remove it. */

import { Turns } from '../machine/turns.ts';
import type { InterfaceName } from '../values/name.ts';
import { run, sure } from '../wireguard/program.ts';
import { type FilterTable, type Made, planOf, scriptOf, tableName } from './filter-table.ts';
import { TableWatch } from './table-watch.ts';

/** For what the watch does not tell. */
const LOOK_EVERY_MS = 60_000;
const TRY_AGAIN_MS = 5_000;

/** nft's listing (`-s`: without counters); undefined without such a table. Throws a `Failure`. */
export const listTable = async (name: string, ...flags: '-s'[]): Promise<string | undefined> => {
  const { code, stdout } = await run('nft', [...flags, 'list', 'table', 'inet', name]);
  return code === 0 ? stdout : undefined;
};

export type KeptTableOptions = {
  network: InterfaceName;
  /** Asked at each look. Without chains there is to be no table. */
  wanted: () => FilterTable | Promise<FilterTable>;
  /** The table stands as wanted, or there is none as wanted. */
  onKept?: () => void;
  /** Another program has removed or changed the table; what is wanted is asked again. */
  onLost?: () => void;
  /** It is made again. */
  onRestored: () => void;
  /** Once for each kind of trouble, until the next success; it is tried again. */
  onTrouble: (error: Error) => void;
};

export class KeptTable {
  readonly #options: KeptTableOptions;
  readonly #turns = new Turns();
  #made: Made | undefined;
  #isKnown = false;
  #trouble = '';
  #watch: TableWatch | undefined;
  #looking: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: KeptTableOptions) {
    this.#options = options;
  }

  /** Makes the table as wanted; later calls do what changed meanwhile. Throws the `Failure` of `nft`. */
  keep(): Promise<void> {
    return this.#turns.take(async () => {
      try {
        await this.#keep();
        this.#trouble = '';
        this.#options.onKept?.();
      } catch (error) {
        this.#tell(error as Error);
        this.#lookIn(TRY_AGAIN_MS);
        throw error;
      }
    });
  }

  /** The table stays, as the tunnels do. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#rest();
    return this.#turns.take(async () => this.#rest());
  }

  async #keep(): Promise<void> {
    let wants = await this.#options.wanted();
    const isWanted = wants.chains.length > 0;
    if (!isWanted && this.#isKnown && !this.#made) return;
    const has = await listTable(wants.name, '-s').catch((error) => {
      if (isWanted) throw error;
      return undefined;
    });
    const isForeign = this.#made !== undefined && this.#made.listing !== has;
    if (isForeign && isWanted && this.#options.onLost) {
      this.#options.onLost();
      wants = await this.#options.wanted();
    }
    const script = planOf(has, this.#made, wants);
    if (script !== undefined) {
      await sure('nft', ['-f', '-'], script);
      const listing = isWanted ? ((await listTable(wants.name, '-s')) ?? '') : undefined;
      this.#made = listing === undefined ? undefined : { table: wants, listing };
    }
    this.#isKnown = true;
    if (isForeign) this.#options.onRestored();
    if (isWanted) this.#follow();
    else this.#rest();
  }

  #tell(error: Error): void {
    if (error.message !== this.#trouble) this.#options.onTrouble(error);
    this.#trouble = error.message;
  }

  /** Looks by itself from now on. */
  #follow(): void {
    if (!this.#isClosed)
      this.#watch ??= new TableWatch(`inet ${tableName(this.#options.network)}`, () => this.#look());
    this.#lookIn(LOOK_EVERY_MS);
  }

  #rest(): void {
    clearTimeout(this.#looking);
    this.#watch?.close();
    this.#watch = undefined;
  }

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#looking);
    if (!this.#isClosed) this.#looking = setTimeout(() => this.#look(), milliseconds).unref();
  }

  /** Trouble is told by `keep`. */
  #look(): void {
    if (!this.#isClosed) void this.keep().catch(() => {});
  }
}

/** Whether nft and the kernel would make the table; nothing is changed. */
export const canMake = async (table: FilterTable): Promise<boolean> =>
  run('nft', ['--check', '--file', '-'], scriptOf(table)).then(
    ({ code }) => code === 0,
    () => false,
  );

const hasTable = async (name: string): Promise<boolean> =>
  (await listTable(name).catch(() => undefined)) !== undefined;

/** In words, what `removeTable` would do. */
export const ordersToRemoveTable = async (network: InterfaceName): Promise<string[]> => {
  const name = tableName(network);
  return (await hasTable(name)) ? [`remove the table ${name} of nftables`] : [];
};

/** Removes a network's table; false if there was none, or no nft. */
export const removeTable = async (network: InterfaceName): Promise<boolean> => {
  const name = tableName(network);
  if (!(await hasTable(name))) return false;
  await sure('nft', ['-f', '-'], scriptOf({ name, chains: [] }));
  return true;
};
