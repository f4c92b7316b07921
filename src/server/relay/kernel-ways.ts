/** The relay's ways in the kernel of the server's machine: those of IPv4, where nftables is there. */
import { interfaceTowards } from '../../filter/lent-forwarding.ts';
import type { Passed, RelayWay } from '../../filter/relay-table.ts';
import { hasNft, RelayWays, type RelayWaysOptions } from '../../filter/relay-ways.ts';
import type { Kernel } from '../../relay/runner.ts';
import type { Way } from '../../relay/told-ways.ts';
import { hostOf, portOf } from '../../values/endpoint.ts';
import { familyOf, type Ip } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { localAddresses } from '../../wireguard/routes.ts';

const ANYWHERE = '192.0.2.1' as Ip;

export class KernelWays implements Kernel {
  readonly #ways: RelayWays;

  private constructor(options: RelayWaysOptions) {
    this.#ways = new RelayWays(options);
  }

  /** Without nftables or an IPv4 address says so once; the program passes the packets then. */
  static async start(options: Omit<RelayWaysOptions, 'ownHost'>): Promise<KernelWays | undefined> {
    const ownHost = ownAddress(options.network);
    if (ownHost !== undefined && (await hasNft())) return new KernelWays({ ...options, ownHost });
    const why = ownHost === undefined ? 'this machine has no IPv4 address' : 'the program nft is missing';
    options.say(`warning: the relay's data goes through this program, which is slower: ${why}`);
    return undefined;
  }

  get passed(): Passed {
    return this.#ways.passed;
  }

  open(way: Way, forMs: number): void {
    const there = ipv4Of(way);
    if (there) this.#ways.open(there, forMs);
  }

  close(way: Way): void {
    const there = ipv4Of(way);
    if (there) this.#ways.close(there);
  }

  admit(sites: ReadonlySet<string>): void {
    this.#ways.admit(sites);
  }

  leave(): Promise<void> {
    return this.#ways.leave();
  }
}

/** Of the interface that leads to the internet, else any. */
const ownAddress = (network: InterfaceName): Ip | undefined => {
  const addresses = localAddresses(network).filter(({ ip }) => familyOf(ip) === 4);
  const device = interfaceTowards(ANYWHERE);
  return (addresses.find((each) => each.device === device) ?? addresses[0])?.ip;
};

const ipv4Of = ({ from, index, to }: Way): RelayWay | undefined => {
  const [fromHost, toHost] = [hostOf(from) as Ip, hostOf(to) as Ip];
  if (familyOf(fromHost) === 6 || familyOf(toHost) === 6) return undefined;
  return { fromHost, fromPort: portOf(from), index, toHost, toPort: portOf(to) };
};
