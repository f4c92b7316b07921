/**
 * A relay's table of nftables as data: WireGuard's data packets get another address and go on, without Node and
 * without connection tracking. IPv4 only: for IPv6 Linux knows no forwarding of one interface alone.
 */
import type { Ip } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';

/** Data that comes from there with this index of its receiver goes on to there. */
export type RelayWay = { fromHost: Ip; fromPort: number; index: number; toHost: Ip; toPort: number };

export type RelayTable = {
  network: InterfaceName;
  port: number;
  /** For those who did not speak to the relay lately. */
  ownHost: Ip;
  /** Interfaces that forward for the relay alone. */
  lent: readonly string[];
};

export const relayTableName = (network: InterfaceName): string => `innernet-relay-${network}`;

/** In bits of the packet's mark that others seldom use. */
const MARK = '0x690000';
const MARK_BITS = '0xff0000';
/** From the start of the UDP header: WireGuard's type, its receiver's index. */
const IS_DATA = '@th,64,32 0x04000000';
const KEY = 'ip saddr . udp sport . @th,96,32';

/** Handshakes a second of one known host; handshakes, and data, of all strangers. */
const HANDSHAKES = 'limit rate over 100/second burst 1000 packets';
const STRANGERS = 'limit rate over 200/second burst 200 packets';

const MINE = `meta mark and ${MARK_BITS} == ${MARK} meta l4proto udp ct state untracked`;

/**
 * `pre` sends data on; what it does not know goes up to the program. `own` remembers to which address of this
 * machine each peer speaks: answers come from there. The source is set last, since the kernel drops what comes in from
 * an address of its own.
 */
export const skeletonOf = ({ network, port, ownHost, lent }: RelayTable): string[] => [
  `add table ip ${relayTableName(network)}`,
  `delete table ip ${relayTableName(network)}`,
  `table ip ${relayTableName(network)} {`,
  '  counter taken {}',
  '  counter sent {}',
  '  set sites { type ipv4_addr; }',
  '  set talk { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 1m; }',
  '  map own { type ipv4_addr . inet_service : ipv4_addr; size 65535; flags dynamic,timeout; timeout 190s; }',
  `  map addr { typeof ${KEY} : ip daddr; flags timeout; }`,
  `  map port { typeof ${KEY} : udp dport; flags timeout; }`,
  '  chain pre {',
  '    type filter hook prerouting priority raw; policy accept;',
  `    udp dport ${port} fib daddr type local goto go`,
  '  }',
  '  chain go {',
  `    ${IS_DATA} goto data`,
  `    ip saddr != @sites ${STRANGERS} drop`,
  `    ip saddr @sites update @talk { ip saddr ${HANDSHAKES} } drop`,
  '    ip saddr @sites update @own { ip saddr . udp sport : ip daddr }',
  '  }',
  '  chain data {',
  // Some pass: the first data after a handshake comes before its host is told here, and WireGuard waits 5 s for it.
  `    ip saddr != @sites ${STRANGERS} drop`,
  // Ends at the first look-up that finds nothing, before anything is changed.
  `    ip daddr set ${KEY} map @addr udp dport set ${KEY} map @port meta mark set meta mark or ${MARK} notrack counter name taken`,
  '  }',
  '  chain through {',
  '    type filter hook forward priority filter; policy accept;',
  `    ${MINE} accept`,
  ...lent.map((device) => `    iifname "${device}" drop`),
  '  }',
  '  chain out {',
  '    type filter hook output priority filter; policy accept;',
  ...lent.map((device) => `    oifname "${device}" icmp type redirect drop`),
  '  }',
  '  chain post {',
  '    type filter hook postrouting priority 300; policy accept;',
  `    ${MINE} goto back`,
  '  }',
  '  chain back {',
  `    counter name sent udp sport set ${port}`,
  '    ip saddr set ip daddr . udp dport map @own accept',
  `    ip saddr set ${ownHost}`,
  '  }',
  '}',
];

/** One way, in both of its maps. */
export const wayKey = ({ fromHost, fromPort, index }: RelayWay): string =>
  `${fromHost} . ${fromPort} . 0x${index.toString(16).padStart(8, '0')}`;

export const addWay = (network: InterfaceName, way: RelayWay, seconds: number): string[] => [
  `add element ip ${relayTableName(network)} addr { ${wayKey(way)} timeout ${seconds}s : ${way.toHost} }`,
  `add element ip ${relayTableName(network)} port { ${wayKey(way)} timeout ${seconds}s : ${way.toPort} }`,
];

export const removeWay = (network: InterfaceName, key: string): string[] => [
  `delete element ip ${relayTableName(network)} addr { ${key} }`,
  `delete element ip ${relayTableName(network)} port { ${key} }`,
];

export const changeSites = (
  network: InterfaceName,
  added: readonly string[],
  removed: readonly string[],
): string[] => {
  const set = `ip ${relayTableName(network)} sites`;
  return [
    ...(removed.length > 0 ? [`delete element ${set} { ${removed.join(', ')} }`] : []),
    ...(added.length > 0 ? [`add element ${set} { ${added.join(', ')} }`] : []),
  ];
};

/** What an earlier table knew of the addresses that peers speak to, from nft's listing of the map. */
export const keptOwn = (network: InterfaceName, listing: string): string[] => {
  const kept = [...listing.matchAll(/([\d.]+) \. (\d+)(?: timeout \S+)?(?: expires \S+)? : ([\d.]+)/g)];
  return kept.map(
    ([, host, port, own]) => `add element ip ${relayTableName(network)} own { ${host} . ${port} : ${own} }`,
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
export const othersThatFilter = (network: InterfaceName, json: string): string[] => {
  const { nftables = [] }: { nftables?: ChainJson[] } = JSON.parse(json || '{}');
  return nftables
    .flatMap(({ chain }) => (chain?.hook === 'forward' && !isOurs(network, chain.table) ? [chain] : []))
    .sort((left, right) => Number(right.policy === 'drop') - Number(left.policy === 'drop'))
    .map(({ family, table, name }) => `${family} ${table} ${name}`);
};

const isOurs = (network: InterfaceName, table: string): boolean =>
  table === relayTableName(network) || table === `innernet-${network}`;
