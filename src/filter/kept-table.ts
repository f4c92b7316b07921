/** Keeps one nftables table as wanted, by `nft list` and `nft -f -`. */
import type { InterfaceName } from '../values/name.ts';
import { run, sure } from '../wireguard/program.ts';
import { type FilterTable, type Made, planOf, scriptOf, tableName } from './filter-table.ts';

/** nft's listing (`-s`: without counters); undefined without such a table. Throws a `Failure`. */
export const listTable = async (name: string, ...flags: '-s'[]): Promise<string | undefined> => {
  const { code, stdout } = await run('nft', [...flags, 'list', 'table', 'inet', name]);
  return code === 0 ? stdout : undefined;
};

export class KeptTable {
  #made: Made | undefined;

  /** Makes the table as wanted; false if it was. Throws the `Failure` of `nft`. */
  async keep(wants: FilterTable): Promise<boolean> {
    const script = planOf(await listTable(wants.name, '-s'), this.#made, wants);
    if (script === undefined) return false;
    await sure('nft', ['-f', '-'], script);
    this.#made = { script, listing: (await listTable(wants.name, '-s')) ?? '' };
    return true;
  }
}

/** Removes a network's table; false if there was none, or no nft. */
export const removeTable = async (network: InterfaceName): Promise<boolean> => {
  const name = tableName(network);
  if ((await listTable(name).catch(() => undefined)) === undefined) return false;
  await sure('nft', ['-f', '-'], scriptOf({ name, chains: [] }));
  return true;
};
