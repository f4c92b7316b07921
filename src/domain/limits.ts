/** What peers of one CIDR may begin towards those of another, over all ways that join the two. */
import { type CidrId, SERVER_CIDR } from '../values/id.ts';
import { type Allow, allowsText, type Opening, sumOf } from '../values/opening.ts';
import type { Association } from './association-graph.ts';
import { lineage } from './lineage.ts';
import type { Network } from './network.ts';

/** `all`: both ends may begin everything. A list: this alone, from one end. Undefined: no way joins them. */
export type Openings = 'all' | Allow[] | undefined;

const allowedTo = (id: CidrId, allow: readonly Opening[]): Allow[] =>
  allow
    .filter(({ from }) => from === id)
    .map(({ protocol, ports }) => (ports === undefined ? { protocol } : { protocol, ports }));

/** For people, what one end of an association may begin: `tcp 631, 9100 and ping`. */
export const openedBy = (id: CidrId, allow: readonly Opening[]): string => allowsText(allowedTo(id, allow));

/** Associations that join two CIDRs or those around them, each with its end at the first. */
export function* joining(network: Network, from: CidrId, to: CidrId): Generator<[CidrId, Association]> {
  const others = new Set(lineage(network, to));
  for (const end of lineage(network, from))
    for (const partner of network.associatedWith(end)) {
      const association = others.has(partner) && network.associationBetween(end, partner);
      if (association) yield [end, association];
    }
}

/** Of a CIDR; what is next to the server is never limited. */
export const isServers = (network: Network, id: CidrId): boolean =>
  [...lineage(network, id)].includes(SERVER_CIDR);

/**
 * What peers of `from` may begin towards peers of `to`. Limited ways add up; one whole way makes all of it
 * whole. A CIDR around another sees it (an import may put peers there), which joins nobody.
 */
export const openings = (network: Network, from: CidrId, to: CidrId): Openings => {
  if (from === to && network.cidr(from)?.isIsolated !== true) return 'all';
  if (isServers(network, from) || isServers(network, to)) return 'all';
  const ways = [...joining(network, from, to)];
  if (ways.length === 0) return undefined;
  const limited = ways.flatMap(([end, { allow }]) => (allow ? [allowedTo(end, allow)] : []));
  return limited.length < ways.length ? 'all' : sumOf(limited.flat());
};

/** What holds between peers of one CIDR and of `cidrId`, seen from the first. */
export type Limit = { readonly cidrId: CidrId; readonly inbound: Allow[]; readonly outbound: Allow[] };

/** Undefined: whole, or nothing joins them. */
export const limitOf = (network: Network, viewer: CidrId, cidrId: CidrId): Limit | undefined => {
  const [inbound, outbound] = [openings(network, cidrId, viewer), openings(network, viewer, cidrId)];
  return Array.isArray(inbound) && Array.isArray(outbound) ? { cidrId, inbound, outbound } : undefined;
};

/** All that peers of a CIDR have to keep to. */
export const limitsFrom = (network: Network, viewer: CidrId): Limit[] => {
  if (!network.isAnythingLimited) return [];
  return Array.from(network.cidrs(), ({ id }) => limitOf(network, viewer, id) ?? []).flat();
};
