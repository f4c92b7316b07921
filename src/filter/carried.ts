/** The part of a router's table that passes packets of peers on to blocks behind this machine, and nothing else. */
import { type Cidr, type Family, familyOf, type Ip } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import type { CarriedPairs } from './carried-pairs.ts';
import type { Chain, FilterTable } from './filter-table.ts';
import { CARRIED, FOREIGN, isMarked, RELAYED, setMark } from './marks.ts';

export type Carrying = {
  device: InterfaceName;
  /** The network's root block. */
  range: Cidr;
  /** This machine's address in it. */
  own: Ip;
  /** Of the device. */
  mtu: number;
  pairs: CarriedPairs;
  /** Interfaces that forward for us alone; `all`: every one does. */
  lent: readonly string[] | 'all';
};

/** The set of who may send where. */
const PAIRS = 'routes';
const MASKED = 'routes-masked';

const WORDS = {
  4: { ip: 'ip', address: 'ipv4_addr', icmp: 'icmp', nfproto: 'ipv4', headers: 40 },
  6: { ip: 'ip6', address: 'ipv6_addr', icmp: 'ipv6-icmp', nfproto: 'ipv6', headers: 60 },
} as const;

/**
 * Each packet is judged again, answers by what they answer, so that a connection ends with its route. Before others'
 * filters, so that these can tell what is passed on by its mark.
 */
export const carried = (carrying: Carrying): Required<Omit<FilterTable, 'name'>> => {
  const { device, range, own, pairs, lent } = carrying;
  const { ip, address } = WORDS[familyOf(range)];
  const of = `${address} . ${address}`;
  return {
    sets: [
      { name: PAIRS, of, elements: pairs.all },
      { name: MASKED, of, elements: pairs.masked },
    ],
    chains: [
      { name: 'carry', rules: carryRules(carrying) },
      { name: 'out-of-tunnel', rules: outRules(carrying) },
      { name: 'into-tunnel', rules: intoRules(carrying) },
      {
        name: 'routed',
        at: { hook: 'forward', priority: 'mangle' },
        rules: [`iifname "${device}" goto out-of-tunnel`, `oifname "${device}" goto into-tunnel`],
      },
      ...(lent.length > 0 ? [lentChain(lent, familyOf(range))] : []),
      {
        name: 'masked',
        at: { type: 'nat', hook: 'postrouting', priority: 'srcnat' },
        rules: [`oifname != "${device}" ${ip} saddr . ${ip} daddr @${MASKED} masquerade`],
      },
      {
        name: 'own-name',
        at: { hook: 'postrouting', priority: 'srcnat + 10' },
        rules: [`oifname "${device}" ${isMarked(FOREIGN)} ${ip} saddr != ${own} counter drop`],
      },
    ],
  };
};

type Parts = Required<Omit<FilterTable, 'name'>>;

/** Beside what judges limited peers: what goes through this machine is not judged as what goes to it. */
export const withCarried = ({ sets, chains }: Parts, carrying: Carrying): Parts => {
  const routed = carried(carrying);
  const { device, range } = carrying;
  const judged = chains.map((chain) =>
    chain.name === 'in' ? { ...chain, rules: [pastLimits(device, range), ...chain.rules] } : chain,
  );
  return { sets: [...sets, ...routed.sets], chains: [...judged, ...routed.chains] };
};

/** In front of what judges limited peers: a route is a way past this machine, not to it. */
export const pastLimits = (device: InterfaceName, range: Cidr): string => {
  const { ip } = WORDS[familyOf(range)];
  return `iifname "${device}" ${ip} saddr . ${ip} daddr @${PAIRS} fib daddr type != local accept`;
};

/** The segments of both sides fit the tunnel. */
const carryRules = ({ device, range, mtu }: Carrying): string[] => {
  const syn = 'tcp flags & (syn | rst) == syn tcp option maxseg size set';
  return [
    `oifname "${device}" ${syn} rt mtu`,
    `iifname "${device}" ${syn} ${mtu - WORDS[familyOf(range)].headers}`,
    `${setMark(CARRIED)} accept`,
  ];
};

const outRules = ({ range }: Carrying): string[] => {
  const { ip, icmp } = WORDS[familyOf(range)];
  return [
    `${ip} saddr . ${ip} daddr @${PAIRS} goto carry`,
    `meta l4proto ${icmp} ct state related goto carry`,
    // Towards this machine's own containers, and answers to them: its operator has seen to that.
    'ct status dnat accept',
    'ct state established ct direction reply accept',
    'counter drop',
  ];
};

/** Hosts behind this machine begin nothing; peers take what bears their addresses, so it must leave under its own. */
const intoRules = ({ range, lent }: Carrying): string[] => {
  const { ip, icmp } = WORDS[familyOf(range)];
  const others = [
    'ct direction reply ct status dnat accept',
    'ct direction reply counter drop',
    `${setMark(FOREIGN)} accept`,
  ];
  return [
    `ct state established ct direction reply ${ip} daddr . ${ip} saddr @${PAIRS} goto carry`,
    `meta l4proto ${icmp} ct state related goto carry`,
    `${ip} saddr ${range} counter drop`,
    ...(lent.length > 0 ? ['counter drop'] : others),
  ];
};

/** What would not be forwarded without us is not, but for what we carry. */
const lentChain = (lent: readonly string[] | 'all', family: Family): Chain => {
  const { nfproto } = WORDS[family];
  const where = lent === 'all' ? '' : `iifname { ${lent.map((name) => `"${name}"`).join(', ')} } `;
  return {
    name: 'lent',
    at: { hook: 'forward', priority: 'filter' },
    rules: [
      `${isMarked(CARRIED)} accept`,
      `${isMarked(RELAYED)} ct state untracked accept`,
      `${where}meta nfproto ${nfproto} counter drop`,
    ],
  };
};
