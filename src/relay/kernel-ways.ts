/** The relay's ways in the kernel of this machine, where nftables is there: those within one family. */
import { canLend, interfaceTowards, LentForwarding } from '../filter/lent-forwarding.ts';
import type { Passed, RelayWay } from '../filter/relay-table.ts';
import { hasNft, RelayWays, sumOf } from '../filter/relay-ways.ts';
import { hostOf, portOf } from '../values/endpoint.ts';
import { addressOf, type Cidr, type Family, familyOf, type Ip, kindOf } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { localAddresses } from '../wireguard/routes.ts';
import type { Kernel } from './runner.ts';
import type { Way } from './told-ways.ts';

const ANYWHERE = { 4: '192.0.2.1' as Ip, 6: '2001:db8::1' as Ip };

export type KernelWaysOptions = {
  network: InterfaceName;
  port: number;
  /** Of `LentForwarding`. */
  journal: string;
  say: (message: string) => void;
};

export class KernelWays implements Kernel {
  readonly #ways: ReadonlyMap<Family, RelayWays>;

  private constructor(ways: ReadonlyMap<Family, RelayWays>) {
    this.#ways = ways;
  }

  /** Where the kernel cannot, says so once; the program passes the packets then. */
  static async start({ journal, ...options }: KernelWaysOptions): Promise<KernelWays | undefined> {
    const forwarding = new LentForwarding(journal);
    const ways = new Map<Family, RelayWays>();
    const canFilter = await hasNft();
    if (canFilter)
      for (const family of [4, 6] as const) {
        const ownHost = ownAddress(options.network, family);
        if (ownHost !== undefined && canLend(family))
          ways.set(family, new RelayWays({ ...options, family, ownHost, forwarding }));
      }
    if (ways.size > 0) return new KernelWays(ways);
    const why = canFilter
      ? 'this machine had no address'
      : 'nftables is missing (sudo apt-get install nftables)';
    options.say(
      `warning: the relay's data goes through this program, which is slower: ${why}; start it again when that has changed`,
    );
    return undefined;
  }

  get passed(): Passed | undefined {
    return sumOf(Array.from(this.#ways.values(), (ways) => ways.passed)) ?? undefined;
  }

  open(way: Way, forMs: number): void {
    const [ways, there] = this.#placeOf(way);
    if (there) ways?.open(there, forMs);
  }

  close(way: Way): void {
    const [ways, there] = this.#placeOf(way);
    if (there) ways?.close(there);
  }

  /** IPv6 hosts come as their /64. */
  admit(sites: ReadonlySet<string>): void {
    const blocks = [...sites].filter((site) => site.includes('/'));
    const hosts = [...sites].filter((site) => !site.includes('/'));
    this.#ways.get(4)?.admit(new Set(hosts));
    this.#ways.get(6)?.admit(new Set(blocks.map((block) => addressOf(block as Cidr))));
  }

  async leave(): Promise<void> {
    await Promise.all(Array.from(this.#ways.values(), (ways) => ways.leave()));
  }

  /** Nowhere if it leads from one family to the other. */
  #placeOf({ from, index, to }: Way): [RelayWays | undefined, RelayWay | undefined] {
    const [fromHost, toHost] = [hostOf(from) as Ip, hostOf(to) as Ip];
    const family = familyOf(fromHost);
    if (family !== familyOf(toHost)) return [undefined, undefined];
    const there = { fromHost, fromPort: portOf(from), index, toHost, toPort: portOf(to) };
    return [this.#ways.get(family), there];
  }
}

/** Of the interface that leads to the internet, else any that others can reach. */
const ownAddress = (network: InterfaceName, family: Family): Ip | undefined => {
  const addresses = localAddresses(network).filter(
    ({ ip }) => familyOf(ip) === family && kindOf(ip) !== 'linkLocal',
  );
  const device = interfaceTowards(ANYWHERE[family]);
  return (addresses.find((each) => each.device === device) ?? addresses[0])?.ip;
};
