/** Judges by nftables what limited peers begin towards this machine. */
import { type Allowed, apart } from '../../filter/allowed.ts';
import { type FilterTable, scriptOf, tableName } from '../../filter/filter-table.ts';
import { inbound } from '../../filter/inbound.ts';
import { canMake, KeptTable, listTable } from '../../filter/kept-table.ts';
import type { LimitRow, PeerRow } from '../../protocol/rows.ts';
import type { CidrId } from '../../values/id.ts';
import { type Cidr, familyOf, singleton } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { Mirror } from '../memory/mirror.ts';

/** As long, what flows towards limited peers may have been under way before connections were tracked. */
const FIRST_MS = 5_000;

export type InboundLimitsOptions = {
  network: InterfaceName;
  mirror: Mirror;
  /** `works` has changed. */
  onChange: () => void;
  say: (message: string) => void;
};

export class InboundLimits {
  readonly #options: InboundLimitsOptions;
  readonly #table: KeptTable;
  /** Of tunnels that may still stand. */
  #leaving: readonly Allowed[] = [];
  #kept: readonly Allowed[] = [];
  #keptScript = '';
  #works = false;
  #isFirst = true;
  #aging: NodeJS.Timeout | undefined;
  /** How often another program had removed or changed the table. */
  restored = 0;

  constructor(options: InboundLimitsOptions) {
    this.#options = options;
    this.#table = new KeptTable({
      network: options.network,
      wanted: () => this.#wanted(),
      onRestored: () => this.#onRestored(),
      onTrouble: ({ message }) => this.#onTrouble(message),
      onKept: () => this.#onKept(),
    });
  }

  /** Whether this machine can limit; without that what is limited stays closed. */
  get works(): boolean {
    return this.#works;
  }

  /** Before any tunnel of a limited peer. Without limits it only removes what is left of earlier ones. */
  async start(): Promise<void> {
    const { network } = this.#options;
    await this.look();
    if (this.#limited().length > 0)
      this.#isFirst = (await listTable(tableName(network)).catch(() => undefined)) === undefined;
    await this.#keep();
  }

  /** Looks whether nft works now, if it did not. */
  async look(): Promise<void> {
    if (!this.#works) this.#become(await canMake(tryOut(this.#options.network)));
  }

  /** Before the tunnels change: what was limited stays so until they have. */
  async tighten(): Promise<void> {
    const limited = this.#limited();
    const blocks = new Set(limited.map(({ key }) => key));
    this.#leaving = this.#kept.filter(({ key }) => !blocks.has(key));
    await this.#keepChanged();
  }
}
