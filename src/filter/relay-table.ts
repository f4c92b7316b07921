/**
 * A relay's tables of nftables as data, one for each family: WireGuard's data packets get another address and go on,
 * without Node and without connection tracking.
 */
import type { Family, Ip } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { CARRIED, isMarked, RELAYED } from './marks.ts';

/** Data that comes from there with this index of its receiver goes on to there. */
export type RelayWay = { fromHost: Ip; fromPort: number; index: number; toHost: Ip; toPort: number };

/** Whose ways it has. */
export type RelayTableId = { network: InterfaceName; family: Family };

export type RelayTable = RelayTableId & {
  port: number;
  /** For those who did not speak to the relay lately. */
  ownHost: Ip;
  /** Interfaces that forward for the relay alone. */
  lent: readonly string[];
};

export const relayTableName = (network: InterfaceName): string => `innernet-relay-${network}`;

/** `ip innernet-relay-acme`: as nft's commands want it. */
export const relayTable = ({ network, family }: RelayTableId): string =>
  `${WORDS[family].ip} ${relayTableName(network)}`;

/** `site`: the part of a source's address by which the relay knows the source's host. */
const WORDS = {
  4: { ip: 'ip', site: 'ip saddr', type: 'ipv4_addr', redirect: 'icmp type redirect' },
  6: {
    ip: 'ip6',
    site: 'ip6 saddr and ffff:ffff:ffff:ffff::',
    type: 'ipv6_addr',
    redirect: 'icmpv6 type nd-redirect',
  },
} as const;

/** From the start of the UDP header: WireGuard's type, its receiver's index. */
const IS_DATA = '@th,64,32 0x04000000';

/** Handshakes a second of one known host; handshakes, and data, of all strangers. */
const HANDSHAKES = 'limit rate over 100/second burst 1000 packets';
const STRANGERS = 'limit rate over 200/second burst 200 packets';

const MINE = `${isMarked(RELAYED)} meta l4proto udp ct state untracked`;

/**
 * `pre` sends data on; what it does not know goes up to the program. `own` remembers to which address of this
 * machine each peer speaks (port first: nft 1.0 fails at IPv6 otherwise): answers come from there. The source is set
 * last, since the kernel drops what comes in from an address of its own.
 */
export const skeletonOf = ({ port, ownHost, lent, ...table }: RelayTable): string[] => {
  const { ip, site, type, redirect } = WORDS[table.family];
  const key = `${ip} saddr . udp sport . @th,96,32`;
  return [
    `add table ${relayTable(table)}`,
    `delete table ${relayTable(table)}`,
    `table ${relayTable(table)} {`,
    '  counter taken {}',
    '  counter sent {}',
    `  set sites { type ${type}; }`,
    `  set talk { type ${type}; size 65535; flags dynamic,timeout; timeout 1m; }`,
    `  map own { type inet_service . ${type} : ${type}; size 65535; flags dynamic,timeout; timeout 190s; }`,
    `  map addr { typeof ${key} : ${ip} daddr; flags timeout; }`,
    `  map port { typeof ${key} : udp dport; flags timeout; }`,
    '  chain pre {',
    '    type filter hook prerouting priority raw; policy accept;',
    `    udp dport ${port} fib daddr type local goto go`,
    '  }',
    '  chain go {',
    `    ${IS_DATA} goto data`,
    `    ${site} != @sites ${STRANGERS} drop`,
    `    ${site} @sites update @talk { ${ip} saddr ${HANDSHAKES} } drop`,
    `    ${site} @sites update @own { udp sport . ${ip} saddr : ${ip} daddr }`,
    '  }',
    '  chain data {',
    // Some pass: the first data after a handshake comes before its host is told here, and WireGuard waits 5 s for it.
    `    ${site} != @sites ${STRANGERS} drop`,
    // Ends at the first look-up that finds nothing, before anything is changed.
    `    ${ip} daddr set ${key} map @addr udp dport set ${key} map @port meta mark set meta mark or ${RELAYED} notrack counter name taken`,
    '  }',
    '  chain through {',
    '    type filter hook forward priority filter; policy accept;',
    `    ${MINE} accept`,
    `    ${isMarked(CARRIED)} accept`,
    ...lent.map((device) => `    iifname "${device}" drop`),
    '  }',
    '  chain out {',
    '    type filter hook output priority filter; policy accept;',
    ...lent.map((device) => `    oifname "${device}" ${redirect} drop`),
    '  }',
    '  chain post {',
    '    type filter hook postrouting priority 300; policy accept;',
    `    ${MINE} goto back`,
    '  }',
    '  chain back {',
    `    counter name sent udp sport set ${port}`,
    `    ${ip} saddr set udp dport . ${ip} daddr map @own accept`,
    `    ${ip} saddr set ${ownHost}`,
    '  }',
    '}',
  ];
};

/** One way, in both of its maps. */
export const wayKey = ({ fromHost, fromPort, index }: RelayWay): string =>
  `${fromHost} . ${fromPort} . 0x${index.toString(16).padStart(8, '0')}`;

export const addWay = (table: RelayTableId, way: RelayWay, seconds: number): string[] => [
  `add element ${relayTable(table)} addr { ${wayKey(way)} timeout ${seconds}s : ${way.toHost} }`,
  `add element ${relayTable(table)} port { ${wayKey(way)} timeout ${seconds}s : ${way.toPort} }`,
];

export const removeWay = (table: RelayTableId, key: string): string[] => [
  `delete element ${relayTable(table)} addr { ${key} }`,
  `delete element ${relayTable(table)} port { ${key} }`,
];

export const changeSites = (
  table: RelayTableId,
  added: readonly string[],
  removed: readonly string[],
): string[] => {
  const set = `${relayTable(table)} sites`;
  return [
    ...(removed.length > 0 ? [`delete element ${set} { ${removed.join(', ')} }`] : []),
    ...(added.length > 0 ? [`add element ${set} { ${added.join(', ')} }`] : []),
  ];
};

/** What an earlier table knew of the addresses that peers speak to, from nft's listing of the map. */
export const keptOwn = (table: RelayTableId, listing: string): string[] => {
  const kept = [
    ...listing.matchAll(/(\d+) \. ([\da-f.:]+)(?: timeout \S+)?(?: expires \S+)? : ([\da-f.:]+)/g),
  ];
  return kept.map(
    ([, port, host, own]) => `add element ${relayTable(table)} own { ${port} . ${host} : ${own} }`,
  );
};

export type Passed = { taken: number; sent: number; bytes: number };

/** From nft's listing of the counters. */
export const passedIn = (listing: string): Passed => {
  const of = (name: string): [number, number] => {
    const [, packets = '0', bytes = '0'] =
      new RegExp(`counter ${name} \\{\\s*packets (\\d+) bytes (\\d+)`).exec(listing) ?? [];
    return [Number(packets), Number(bytes)];
  };
  const [taken, bytes] = of('taken');
  return { taken, sent: of('sent')[0], bytes };
};

type ChainJson = { chain?: { family: string; table: string; name: string; hook?: string; policy?: string } };

/** Others' chains that may stop forwarded packets, from `nft -j list chains`; those that drop by default first. */
export const othersThatFilter = ({ network, family: ofTable }: RelayTableId, json: string): string[] => {
  const { nftables = [] }: { nftables?: ChainJson[] } = JSON.parse(json || '{}');
  const concerned = ['inet', WORDS[ofTable].ip];
  return nftables
    .flatMap(({ chain }) => (chain?.hook === 'forward' && !isOurs(network, chain.table) ? [chain] : []))
    .filter(({ family }) => concerned.includes(family))
    .sort((left, right) => Number(right.policy === 'drop') - Number(left.policy === 'drop'))
    .map(({ family, table, name }) => `${family} ${table} ${name}`);
};

const isOurs = (network: InterfaceName, table: string): boolean =>
  table === relayTableName(network) || table === `innernet-${network}`;
