/** One nftables table of our own, kept as it should be: read by `nft list`, changed by `nft -f -` in one transaction. */
import type { InterfaceName } from '../values/name.ts';
import { run, sure } from '../wireguard/program.ts';
import { type FilterTable, type Made, planOf, scriptOf, tableName } from './filter-table.ts';

/** The table as nft lists it, `-s`: without its counters; undefined where there is none. Throws a `Failure`. */
export const listTable = async (name: string, ...flags: '-s'[]): Promise<string | undefined> => {
  const { code, stdout } = await run('nft', [...flags, 'list', 'table', 'inet', name]);
  return code === 0 ? stdout : undefined;
};

export class KeptTable {
  #made: Made | undefined;

  /** Makes the table as wanted where it is not; false where it was so. Throws the `Failure` of `nft`. */
  async keep(wants: FilterTable): Promise<boolean> {
    const script = planOf(await listTable(wants.name, '-s'), this.#made, wants);
    if (script === undefined) return false;
    await sure('nft', ['-f', '-'], script);
    this.#made = { script, listing: (await listTable(wants.name, '-s')) ?? '' };
    return true;
  }
}

/** Leaves nothing of a network's table; false where there was none, or no nft that could have made one. */
export const removeTable = async (network: InterfaceName): Promise<boolean> => {
  const name = tableName(network);
  if ((await listTable(name).catch(() => undefined)) === undefined) return false;
  await sure('nft', ['-f', '-'], scriptOf({ name, chains: [] }));
  return true;
};
