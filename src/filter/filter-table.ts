/**
 * The packet filter of a network, as data: one nftables table of our own, what it should have, and the script that leads
 * there. Pure: kept-table.ts carries it out. Tables of others are never touched.
 */
import type { InterfaceName } from '../values/name.ts';

/** A base chain; its rules in nft's words. */
export type Chain = { name: string; hook: 'forward'; rules: readonly string[] };

/** No chains: no table. */
export type FilterTable = { name: string; chains: readonly Chain[] };

/** Behind the prefix no name of a network can be a word that nft keeps for itself. */
export const tableName = (network: InterfaceName): string => `innernet-${network}`;

/** The script that puts the table in the place of whatever is there by its name, in one transaction. */
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

/** What was made, and how nft itself lists that: versions of nft spell one rule in several ways. */
export type Made = { script: string; listing: string };

/** The script to carry out; undefined where the table is as it was made, and that is what is wanted. */
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
 * Keeps what comes out of a network's device from going on to others: WireGuard says that a packet is from a peer, and
 * nothing of where the peer may send it. On a machine that forwards, what was begun from here, or what its operator has
 * published from a container, is let through; elsewhere nobody is made to keep track of connections.
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
