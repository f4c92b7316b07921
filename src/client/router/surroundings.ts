/** Looks at this machine's interfaces, routes and other filters, for what it could carry. */
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { tablesThatClose } from '../../filter/foreign-tables.ts';
import { type Cidr, type Family, Ip, networkOf, RecordedCidr } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { run } from '../../wireguard/program.ts';
import { localAddresses } from '../../wireguard/routes.ts';
import type { Interface, Surroundings } from './way-out.ts';

type LinkJson = { ifname: string; flags: string[]; addr_info: { local?: string }[] };

/** `isWhole`: also interfaces that are down, by a program. */
export const lookAround = async (
  device: InterfaceName,
  family: Family,
  { isWhole }: { isWhole: boolean },
): Promise<Surroundings> => {
  const path = `/proc/net/${family === 4 ? 'route' : 'ipv6_route'}`;
  const [interfaces, routes] = await Promise.all([
    isWhole ? allInterfaces() : upInterfaces(),
    readFile(path, 'utf8').catch(() => ''),
  ]);
  return { device, family, interfaces, routes };
};

const upInterfaces = (): Interface[] => {
  const found = new Map<string, Ip[]>();
  for (const { device, ip } of localAddresses()) found.set(device, [...(found.get(device) ?? []), ip]);
  return Array.from(found, ([device, addresses]) => ({ device, isUp: true, addresses }));
};

const allInterfaces = async (): Promise<Interface[]> => {
  const { stdout } = await run('ip', ['-json', 'address', 'show']);
  const links: LinkJson[] = JSON.parse(stdout || '[]');
  return links.map(({ ifname, flags, addr_info }) => ({
    device: ifname,
    isUp: flags.includes('UP') && flags.includes('LOWER_UP'),
    addresses: addr_info.flatMap(({ local }) => Ip.safeParse(local).data ?? []),
  }));
};

/** Another program's table that drops what it is not told to forward, such as `ip filter`. */
export const forwardingFilters = async (device: InterfaceName): Promise<string[]> => {
  const { stdout } = await run('nft', ['list', 'ruleset']).catch(() => ({ stdout: '' }));
  return tablesThatClose(device, stdout, 'forward');
};

/** Networks of this machine's own interfaces. */
export const nearNetworks = (except: InterfaceName): Cidr[] => {
  const found = Object.entries(networkInterfaces())
    .filter(([device]) => device !== except)
    .flatMap(([, addresses = []]) =>
      addresses.flatMap(({ cidr }) => RecordedCidr.safeParse(cidr).data ?? []),
    );
  return [...new Set(found.map(networkOf))].sort();
};
