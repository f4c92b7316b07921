/** The part of a network's table by which this machine judges what peers begin towards it. */

import { type Cidr, familyOf } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { type Allowed, allowedBy, source } from './allowed.ts';
import type { FilterTable } from './filter-table.ts';

/** A label of the kernel's connection tracking: the connection was under way before it was tracked. */
const UNDER_WAY = 105;

export type Limits = {
  device: InterfaceName;
  /** The network's root block. */
  range: Cidr;
  /** Blocks that are not named are free. */
  limited: readonly Allowed[];
  /** Tracking may begin with this table: what flows out was not begun now. */
  isFirst?: boolean;
};

/**
 * Before any translation of addresses, so that a container's published ports are judged as the peer names them.
 * Answers pass while this machine sends; what a peer began is judged packet by packet, so that it ends with its rule.
 * A connection that was under way before it was tracked counts as the peer's: who began it is not known.
 * What bears a peer's address is judged wherever it comes in: the answer goes into the tunnel, so a peer on the same
 * LAN could begin there what it may not begin through the tunnel.
 */
export const inbound = ({
  device,
  range,
  limited,
  isFirst = false,
}: Limits): Required<Pick<FilterTable, 'sets' | 'chains'>> => {
  if (limited.length === 0) return { sets: [], chains: [] };
  const family = familyOf(range);
  const { expression, of } = source(family);
  const icmp = family === 4 ? 'icmp' : 'icmpv6';
  const target = expression.replace('saddr', 'daddr');
  const blocks = limited.map(({ key }) => key);
  const may = allowedBy('may', source(family), limited);
  return {
    sets: [
      { name: 'limited', of, elements: blocks },
      { name: 'first', of, elements: isFirst ? blocks : [] },
      ...may.sets,
    ],
    chains: [
      {
        name: 'judge',
        rules: [...may.rules, `meta l4proto ${icmp} ct state related accept`, 'counter drop'],
      },
      {
        name: 'limited',
        rules: [
          'ct direction original goto judge',
          `ct label ${UNDER_WAY} goto judge`,
          'ct state established,related ct direction reply accept',
          'goto judge',
        ],
      },
      {
        name: 'in',
        at: { hook: 'prerouting', priority: 'mangle' },
        rules: [`iifname != "lo" ${expression} ${range} ${expression} @limited goto limited`],
      },
      {
        name: 'out',
        at: { hook: 'postrouting', priority: 'mangle' },
        rules: [
          `oifname "${device}" ct state new ${target} @limited tcp flags & (fin | syn | rst | ack) != syn ct label set ${UNDER_WAY}`,
          `oifname "${device}" ct state new ${target} @first meta l4proto != { tcp, ${icmp} } ct label set ${UNDER_WAY}`,
        ],
      },
    ],
  };
};
