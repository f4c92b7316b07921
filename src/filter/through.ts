/** The part of a network's table that judges packets which its device would forward. */
import { type Cidr, familyOf, type Ip } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import type { Allow } from '../values/opening.ts';
import { allowedBy, apart, sourceAndTarget } from './allowed.ts';
import type { Chain, FilterTable } from './filter-table.ts';

/**
 * Drops what the device would forward: WireGuard authenticates a packet's peer, not its target. A forwarding
 * machine accepts replies and published container ports; others need no connection tracking.
 */
export const nothingThrough = (device: InterfaceName, forwards: boolean): Chain => ({
  name: 'through',
  at: { hook: 'forward', priority: 'filter' },
  rules: [
    ...(forwards
      ? [
          `iifname "${device}" ct state established,related accept`,
          `iifname "${device}" ct status dnat accept`,
        ]
      : []),
    `iifname "${device}" counter drop`,
  ],
});

/** What peers of one block may begin towards those of another, where one of the two is a phone. */
export type RoutedPair = { from: Cidr; to: Cidr; allow: 'all' | readonly Allow[] };

export type Routed = {
  /** The network's root block. */
  range: Cidr;
  phones: readonly Ip[];
  /** All that hold peers: a block counts without those in it. */
  blocks: readonly Cidr[];
  pairs: readonly RoutedPair[];
};

/**
 * Passes on from the device to the device, between phones and peers, what the pairs allow. Answers pass while what
 * they answer does: each packet of the side that began is judged again. Peers take packets of phones from this
 * machine, and phones take any of the network's: so nothing else may come in elsewhere with an address of the network.
 */
export const phonesThrough = (
  device: InterfaceName,
  { range, phones, blocks, pairs }: Routed,
  forwards: boolean,
): Required<Omit<FilterTable, 'name'>> => {
  const family = familyOf(range);
  const ranges = apart(blocks);
  const rangesOf = (block: Cidr): string[] => ranges.get(block) ?? [];
  const allowed = pairs.flatMap(({ from, to, allow }) =>
    rangesOf(from).flatMap((source) =>
      rangesOf(to).map((target) => ({ key: `${source} . ${target}`, allow })),
    ),
  );
  const { sets, rules } = allowedBy('phones', sourceAndTarget(family), allowed);
  const [ip, icmp] = family === 4 ? ['ip', 'icmp'] : ['ip6', 'ipv6-icmp'];
  const nothing = nothingThrough(device, forwards);
  return {
    sets: [{ name: 'phones', of: family === 4 ? 'ipv4_addr' : 'ipv6_addr', elements: phones }, ...sets],
    chains: [
      {
        name: 'phones',
        rules: [
          `${ip} saddr != @phones ${ip} daddr != @phones counter drop`,
          'ct state established ct direction reply accept',
          `meta l4proto ${icmp} ct state related accept`,
          ...rules,
          'counter drop',
        ],
      },
      {
        ...nothing,
        rules: [
          `iifname "${device}" oifname "${device}" goto phones`,
          `iifname != "${device}" oifname "${device}" ${ip} saddr ${range} counter drop`,
          ...nothing.rules,
        ],
      },
      {
        name: 'redirects',
        at: { hook: 'output', priority: 'filter' },
        rules: [`oifname "${device}" icmp type redirect drop`],
      },
    ],
  };
};
