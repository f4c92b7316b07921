/** The part of a network's table that judges packets which its device would forward. */
import type { InterfaceName } from '../values/name.ts';
import type { Chain } from './filter-table.ts';

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
