/** A network's packet filter as data: one nftables table and the script for it. */
import type { InterfaceName } from '../values/name.ts';

export type Chain = { name: string; hook: 'forward'; rules: readonly string[] };

/** Without chains the table is removed. */
export type FilterTable = { name: string; chains: readonly Chain[] };

/** The prefix avoids nft's keywords. */
export const tableName = (network: InterfaceName): string => `innernet-${network}`;

/** The script that replaces the table in one transaction. */
export const scriptOf = ({ name, chains }: FilterTable): string => {
  const clear = [`add table inet ${name}`, `delete table inet ${name}`];
  if (chains.length === 0) return lines(clear);
  return lines([...clear, `table inet ${name} {`, ...chains.flatMap(chainLines), '}']);
};

const chainLines = ({ name, hook, rules }: Chain): string[] => [
  `  chain ${name} {`,
  `    type filter hook ${hook} priority 0; policy accept;`,
  ...rules.map((rule) => `    ${rule}`),
  '  }',
];

const lines = (texts: readonly string[]): string => `${texts.join('\n')}\n`;

/** Keeps nft's own listing, since versions of nft spell rules differently. */
export type Made = { script: string; listing: string };

/** The script to carry out; undefined if the table is as made and as wanted. */
export const planOf = (
  has: string | undefined,
  made: Made | undefined,
  wants: FilterTable,
): string | undefined => {
  if (wants.chains.length === 0) return has === undefined ? undefined : scriptOf(wants);
  const script = scriptOf(wants);
  return made?.script === script && made.listing === has ? undefined : script;
};

/**
 * Drops what the device would forward: WireGuard authenticates a packet's peer, not its target. A forwarding
 * machine accepts replies and published container ports; others need no connection tracking.
 */
export const nothingThrough = (device: InterfaceName, forwards: boolean): Chain => ({
  name: 'through',
  hook: 'forward',
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

/** How many packets the rules of a listing have dropped. */
export const droppedIn = (listing: string): number =>
  [...listing.matchAll(/counter packets (\d+) bytes \d+ drop/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
