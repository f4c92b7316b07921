/** Judges by nftables what limited peers begin towards this machine, in one table with what it carries for others. */
import { apart } from '../../filter/allowed.ts';
import { type Carrying, withCarried } from '../../filter/carried.ts';
import { exitMarks } from '../../filter/exit-marks.ts';
import { type FilterTable, tableName } from '../../filter/filter-table.ts';
import { inbound } from '../../filter/inbound.ts';
import { canMake, KeptTable, listTable } from '../../filter/kept-table.ts';
import type { PeerRow } from '../../protocol/rows.ts';
import type { CidrId } from '../../values/id.ts';
import { type Cidr, singleton } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { Allow } from '../../values/opening.ts';
import { EXIT_MARK } from '../../wireguard/exit-routing.ts';
import type { Mirror } from '../memory/mirror.ts';

/** Connections that were under way show themselves within this time. */
const FIRST_MS = 2_000;

export type InboundLimitsOptions = {
  network: InterfaceName;
  mirror: Mirror;
  /** What this machine passes on as a router; undefined: it is none. */
  carrying: () => Carrying | undefined;
  /** Whether this machine uses an exit. */
  exits: () => boolean;
  /** Whether nftables works here has changed. */
  onChange: () => void;
  say: (message: string) => void;
};

/** What peers of one CIDR may begin. */
type Limited = { cidr: Cidr; allow: readonly Allow[] };

export class InboundLimits {
  readonly #options: InboundLimitsOptions;
  readonly #table: KeptTable;
  /** No longer limited, while their tunnels may still stand. */
  readonly #leaving = new Map<CidrId, Limited>();
  #kept: ReadonlyMap<CidrId, Limited> = new Map();
  #keptText = '';
  #works = false;
  #isFirst = true;
  #growing: NodeJS.Timeout | undefined;
  #restored = 0;

  constructor(options: InboundLimitsOptions) {
    const { network, say } = options;
    this.#options = options;
    this.#table = new KeptTable({
      network,
      wanted: () => this.#wanted(),
      onKept: () => {
        const stands = this.#limited().size > 0;
        this.#grow(stands);
        if (stands) this.#become(true);
      },
      // What came in meanwhile was not judged, and may be answered yet.
      onLost: () => {
        clearTimeout(this.#growing);
        this.#growing = undefined;
        this.#isFirst = true;
      },
      onRestored: () => this.#onRestored(),
      onTrouble: ({ message }) => {
        say(`warning: ${message}: peers that are limited stay away, since nothing would hold them to it`);
        this.#become(false);
      },
    });
  }

  /** Whether this machine can limit. */
  get works(): boolean {
    return this.#works;
  }

  /** How often another program had removed or changed the table. */
  get restored(): number {
    return this.#restored;
  }

  /** Before any tunnel of a limited peer; removes what an earlier run left. */
  async start(): Promise<void> {
    const { network } = this.#options;
    if (this.#limited().size > 0)
      this.#isFirst = (await listTable(tableName(network)).catch(() => undefined)) === undefined;
    await Promise.all([this.look(), this.#keep()]);
  }

  /** Tries again where nftables did not work. */
  async look(): Promise<void> {
    if (this.#works) return;
    if (this.#limited().size > 0) {
      await this.#keep();
      return;
    }
    const { network, mirror } = this.#options;
    const limited = [{ key: singleton(mirror.ground.own.ip), allow: [{ protocol: 'tcp' as const }] }];
    const parts = inbound({ device: network, range: mirror.ground.range, limited });
    this.#become(await canMake({ name: tableName(network), ...parts }));
  }

  /** Whether a peer must have no tunnel, since nothing would hold it to its limits. */
  bars({ cidrId }: PeerRow): boolean {
    return !this.#works && this.#options.mirror.limit(cidrId) !== undefined;
  }

  /** Before tunnels change: limits of those that go stay until they are gone. */
  async tighten(): Promise<void> {
    const now = this.#limited();
    for (const [id, limited] of this.#kept) if (!now.has(id)) this.#leaving.set(id, limited);
    await this.#keepChanged();
  }

  /** After tunnels have changed. */
  async settle(): Promise<void> {
    this.#leaving.clear();
    await this.#keepChanged();
  }

  /** What is carried may have changed. Whether the table stands as wanted. */
  async renew(): Promise<boolean> {
    return this.#keepChanged();
  }

  /** The table stays, as the tunnels do. */
  close(): Promise<void> {
    clearTimeout(this.#growing);
    return this.#table.close();
  }

  async #keepChanged(): Promise<boolean> {
    return JSON.stringify(this.#wanted()) === this.#keptText || this.#keep();
  }

  /** Trouble is told, and tried again. */
  async #keep(): Promise<boolean> {
    const [kept, text] = [this.#limited(), JSON.stringify(this.#wanted())];
    try {
      await this.#table.keep();
    } catch {
      this.#keptText = '';
      this.#become(false);
      return false;
    }
    this.#kept = kept;
    this.#keptText = text;
    this.#grow(kept.size > 0);
    return true;
  }

  /** Only a new table, or one that was lost, meets connections that were under way. */
  #grow(stands: boolean): void {
    if (!stands) this.#isFirst = true;
    if (!stands || !this.#isFirst || this.#growing) return;
    this.#growing = setTimeout(() => {
      this.#growing = undefined;
      this.#isFirst = false;
      void this.#keep();
    }, FIRST_MS).unref();
  }

  #onRestored(): void {
    this.#restored += 1;
    this.#options.say(
      `nftables' table ${tableName(this.#options.network)} was removed or changed: it is made again`,
    );
  }

  #become(works: boolean): void {
    if (works === this.#works) return;
    this.#works = works;
    this.#options.onChange();
  }

  #limited(): Map<CidrId, Limited> {
    const { mirror } = this.#options;
    const limited = new Map(this.#leaving);
    for (const { cidrId, inbound: allow } of mirror.limits()) {
      const cidr = mirror.cidr(cidrId)?.cidr;
      if (cidr) limited.set(cidrId, { cidr, allow });
    }
    return limited;
  }

  #wanted(): FilterTable {
    const { network, mirror } = this.#options;
    const { range, server } = mirror.ground;
    const limits = [...this.#limited().values()];
    const blocks = limits.map(({ cidr }) => cidr);
    const free = [singleton(server.ip), ...Array.from(mirror.cidrs(), ({ cidr }) => cidr)];
    const ranges = apart(blocks, [...blocks, ...free]);
    const limited = limits.flatMap(({ cidr, allow }) =>
      (ranges.get(cidr) ?? []).map((key) => ({ key, allow })),
    );
    const parts = inbound({ device: network, range, limited, isFirst: this.#isFirst });
    const name = tableName(network);
    const carrying = this.#options.carrying();
    const { sets, chains } = carrying ? withCarried(parts, carrying) : parts;
    return {
      name,
      sets,
      chains: [...chains, ...(this.#options.exits() ? exitMarks(network, EXIT_MARK) : [])],
    };
  }
}
